package main

import (
	_ "embed"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/keda-trust/keda-trust/e2e/figures"
	"github.com/keda-trust/keda-trust/e2e/local"
)

// asymmetries say what is not alike in what was compared. They are printed with
// every result.
//
//go:embed asymmetries.txt
var asymmetries string

// results are what one run has measured.
type results struct {
	machine, kubernetes string
	options             options
	standings           []*standing
}

func (r *results) find(name string) *standing {
	for _, s := range r.standings {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (r *results) print(to io.Writer) {
	fmt.Fprintf(to, "%s, kube-apiserver %s, KEDA %s\n%s\n\n", r.machine, r.kubernetes, local.KEDAVersion, r.versions())
	fmt.Fprintf(to, "From the issue of the Secret's change to the new CA in every caBundle, ms, rounds: %d, changes in each: %d\n", r.options.rounds, r.options.rotations)
	r.printTimes(to, alone)
	fmt.Fprintf(to, "\nRequests to the API server for each of these changes, and for a write of the Secret that changes nothing:\n")
	r.printRequests(to)
	fmt.Fprintf(to, "\nMemory, MiB, and certificates in the largest caBundle after %d rotations and %d to warm up:\n", r.options.rotations, warmUp)
	r.printMemory(to)
	if r.options.secrets > 0 {
		fmt.Fprintf(to, "\nThe same among %d other Secrets, half of them in KEDA's namespace:\n", r.options.secrets)
		r.printTimes(to, crowded)
		r.printGrowth(to)
	}
	fmt.Fprintf(to, "\n%d calls a second through one change of the CA in each round, the served certificate %v behind its Secret:\n", callsPerSecond, r.options.lag)
	r.printCalls(to)
	r.printFaults(to)
	fmt.Fprintln(to)
	figures.PrintFigures(to, r.figures())
	fmt.Fprintf(to, "\nHow they differ:\n%s", asymmetries)
}

func (r *results) versions() string {
	var all []string
	for _, s := range r.standings {
		all = append(all, s.name+" "+s.version)
	}
	return strings.Join(all, ", ")
}

// row writes a name and cells of a width that fits their titles.
func row(to io.Writer, name string, cells ...string) {
	fmt.Fprintf(to, "%-16s", name)
	for _, cell := range cells {
		fmt.Fprintf(to, "%12s", cell)
	}
	fmt.Fprintln(to)
}

// objectTitles are short enough for a column.
var objectTitles = [objects]string{apiService: "APIService", webhookConfiguration: "webhooks"}

// dash is a cell that was not measured.
const dash = "-"

func (r *results) printTimes(to io.Writer, of side) {
	row(to, "", objectTitles[apiService], "", objectTitles[webhookConfiguration], "", "both", "", "medians of", "the rounds", "")
	row(to, "", "p50", "p95", "p50", "p95", "p50", "p95", "least", "most", "samples")
	for _, s := range r.standings {
		var cells []string
		for part := range objects + 1 {
			times := s.times(of, part)
			cells = append(cells, duration(times, 0.5), duration(times, 0.95))
		}
		medians := s.medians(of, both)
		row(to, s.name, append(cells, duration(medians, 0), duration(medians, 1), strconv.Itoa(len(s.times(of, both))))...)
	}
}

func duration(samples []time.Duration, q float64) string {
	if len(samples) == 0 {
		return dash
	}
	return figures.Milliseconds(figures.Quantile(samples, q))
}

func (r *results) printRequests(to io.Writer) {
	row(to, "", "", "writes:", "", "", "caBundles", "writes a", "", "", "unchanged:", "", "")
	row(to, "", "reads", objectTitles[apiService], objectTitles[webhookConfiguration], "others", "changed", "change", "leases", "events", "reads", "objects", "others")
	for _, s := range r.standings {
		t := s.tally(alone)
		each := func(n int) string { return ratio(n, t.rotations) }
		idle := func(n int) string { return ratio(n, t.touches) }
		row(to, s.name,
			each(t.requests.reads), each(t.requests.written[apiService]), each(t.requests.written[webhookConfiguration]), each(t.requests.otherWrites),
			each(t.changes), ratio(t.requests.objectWrites(), t.changes), each(t.requests.leases), each(t.requests.events),
			idle(t.touched.reads), idle(t.touched.objectWrites()), idle(t.touched.otherWrites))
	}
	fmt.Fprintln(to, "Leases are also the API server's own. What it asks for itself is otherwise left out, as are the changes of the Secret.")
}

func ratio(what, among int) string {
	if among == 0 {
		return dash
	}
	return figures.Times(share(what, among))
}

func (r *results) printMemory(to io.Writer) {
	row(to, "", "resident", "peak", "in caBundle", "ever")
	for _, s := range r.standings {
		end, most := dash, dash
		if len(s.completed(alone)) > 0 {
			atEnd, ever := s.certificates(alone)
			end, most = strconv.Itoa(atEnd), strconv.Itoa(ever)
		}
		row(to, s.name, append(s.memoryCells(alone), end, most)...)
	}
}

func (r *results) printGrowth(to io.Writer) {
	row(to, "memory, MiB", "resident", "peak", "more")
	for _, s := range r.standings {
		more := dash
		if growth, measured := s.growth(); measured {
			more = figures.Mebibytes(growth)
		}
		row(to, s.name, append(s.memoryCells(crowded), more)...)
	}
}

// memoryCells are what is resident and what was at its peak.
func (s *standing) memoryCells(of side) []string {
	memory, measured := s.memory(of)
	if !measured {
		return []string{dash, dash}
	}
	return []string{figures.Mebibytes(memory.Resident), figures.Mebibytes(memory.Peak)}
}

func (r *results) printCalls(to io.Writer) {
	row(to, "", "calls", "failed", "first, s", "last, s")
	for _, s := range r.standings {
		c := s.calls()
		switch {
		case c.made == 0:
			row(to, s.name, dash, dash, dash, dash)
		case c.failed == 0:
			row(to, s.name, strconv.Itoa(c.made), "0", dash, dash)
		default:
			row(to, s.name, strconv.Itoa(c.made), strconv.Itoa(c.failed), figures.Seconds(c.from), figures.Seconds(c.to))
		}
	}
	for _, s := range r.standings {
		if c := s.calls(); c.failed > 0 {
			fmt.Fprintf(to, "%s: %s\n", s.name, abridge(c.first))
		}
	}
}

// abridge keeps the end of an error, which is its cause.
func abridge(text string) string {
	const enough = 200
	letters := []rune(text)
	if len(letters) <= enough {
		return text
	}
	return "…" + string(letters[len(letters)-enough:])
}

// printFaults says what a contender did not do, which is why something was not
// measured.
func (r *results) printFaults(to io.Writer) {
	title := "\nWhat was not done in time, so that the rest of that part was not measured:\n"
	for _, s := range r.standings {
		for i, m := range s.turns {
			for _, fault := range m.faults {
				fmt.Fprintf(to, "%s%s, round %d, %s\n", title, s.name, i+1, fault)
				title = ""
			}
		}
	}
}
