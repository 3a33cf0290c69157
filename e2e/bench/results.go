package main

import (
	"fmt"
	"io"
	"time"

	"github.com/keda-trust/keda-trust/e2e/figures"
	"github.com/keda-trust/keda-trust/e2e/local"
)

// What is wanted. A figure that misses is printed as it is.
const (
	wantedRatio   = 1.3
	wantedHandler = 400 * time.Microsecond
	wantedReady   = 2 * time.Second
	wantedIdle    = 40 << 20
)

// results are what one run has measured.
type results struct {
	machine, kubernetes   string
	contenders            []*contender
	seam, handler         time.Duration
	firstReady, nextReady time.Duration
	idle, loaded          int64 // bytes
}

func (r *results) find(name string) *contender {
	for _, c := range r.contenders {
		if c.name == name {
			return c
		}
	}
	return nil
}

// added is what a contender adds to the median.
func (r *results) added(c *contender) time.Duration {
	return figures.Median(c.samples) - figures.Median(r.find(nameNone).samples)
}

// ratio is what keda-trust adds for each unit that another adds.
func (r *results) ratio(other string) float64 {
	return float64(r.added(r.find(nameOurs))) / float64(r.added(r.find(other)))
}

func (r *results) print(to io.Writer) {
	fmt.Fprintf(to, "%s, kube-apiserver %s\n\n", r.machine, r.kubernetes)
	fmt.Fprintf(to, "Dry-run create of KEDA %s's operator, %d of each in turns, ms:\n", local.KEDAVersion, len(r.contenders[0].samples))
	const row = "%-46s%8s%9s%9s%14s\n"
	fmt.Fprintf(to, row, "", "p50", "p95", "p99", "adds to p50")
	for _, c := range r.contenders {
		share := func(q float64) string { return figures.Milliseconds(figures.Quantile(c.samples, q)) }
		fmt.Fprintf(to, row, c.name, share(0.5), share(0.95), share(0.99), figures.Milliseconds(r.added(c)))
	}
	if r.find(namePolicy) == nil {
		fmt.Fprintf(to, "%s is not served by this API server\n", namePolicy)
	}
	fmt.Fprintln(to)
	figures.PrintFigures(to, r.figures())
}

func (r *results) figures() []figures.Figure {
	return []figures.Figure{
		figures.AtMost("keda-trust adds, in times the no-op", r.ratio(nameNoop), wantedRatio, figures.Times),
		figures.Told("keda-trust adds, in times the constant patch", r.ratio(nameConstant), figures.Times),
		figures.Told("the seam, median, µs", r.seam, figures.Microseconds),
		figures.AtMost("the handler, median, µs", r.handler, wantedHandler, figures.Microseconds),
		figures.AtMost("first start to ready, s", r.firstReady, wantedReady, figures.Seconds),
		figures.AtMost("next start to ready, s", r.nextReady, wantedReady, figures.Seconds),
		figures.AtMost("resident memory, idle, MiB", r.idle, wantedIdle, figures.Mebibytes),
		figures.Told("resident memory, after the admissions, MiB", r.loaded, figures.Mebibytes),
	}
}
