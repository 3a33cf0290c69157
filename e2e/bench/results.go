package main

import (
	"fmt"
	"io"
	"time"

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
	return median(c.samples) - median(r.find(nameNone).samples)
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
		fmt.Fprintf(to, row, c.name, ms(quantile(c.samples, 0.5)), ms(quantile(c.samples, 0.95)), ms(quantile(c.samples, 0.99)), ms(r.added(c)))
	}
	if r.find(namePolicy) == nil {
		fmt.Fprintf(to, "%s is not served by this API server\n", namePolicy)
	}
	const line = "%-46s%8s%9s%9s\n"
	fmt.Fprintf(to, "\n"+line, "", "measured", "wanted", "")
	for _, f := range r.figures() {
		fmt.Fprintf(to, line, f.name, f.measured, f.wanted, f.verdict())
	}
}

// figure is a measurement beside what is wanted of it, if anything is.
type figure struct {
	name, measured, wanted string
	missed                 bool
}

func (f figure) verdict() string {
	if f.missed {
		return "missed"
	}
	return ""
}

func (r *results) figures() []figure {
	return []figure{
		{"keda-trust adds, in times the no-op", fmt.Sprintf("%.2f", r.ratio(nameNoop)), fmt.Sprintf("<= %.2f", wantedRatio), r.ratio(nameNoop) > wantedRatio},
		{"keda-trust adds, in times the constant patch", fmt.Sprintf("%.2f", r.ratio(nameConstant)), "", false},
		{"the seam, median, µs", us(r.seam), "", false},
		{"the handler, median, µs", us(r.handler), "<= " + us(wantedHandler), r.handler > wantedHandler},
		{"first start to ready, s", seconds(r.firstReady), "<= " + seconds(wantedReady), r.firstReady > wantedReady},
		{"next start to ready, s", seconds(r.nextReady), "<= " + seconds(wantedReady), r.nextReady > wantedReady},
		{"resident memory, idle, MiB", mib(r.idle), "<= " + mib(wantedIdle), r.idle > wantedIdle},
		{"resident memory, after the admissions, MiB", mib(r.loaded), "", false},
	}
}

func ms(d time.Duration) string      { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }
func us(d time.Duration) string      { return fmt.Sprintf("%.0f", float64(d)/float64(time.Microsecond)) }
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }
func mib(bytes int64) string         { return fmt.Sprintf("%.1f", float64(bytes)/(1<<20)) }
