package journeys

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
)

// perSecond is how often each edge is called.
const perSecond = 10

// The edges that are called, in their order.
const (
	reads = iota
	admissions
)

// edge is one that calls go over, and what came of them.
type edge struct {
	name string
	call func(context.Context) error

	mu       sync.Mutex
	calls    int
	failures map[string]int // how many, by what was said
	first    time.Time
	last     time.Time
}

// calls go on, ten a second over each edge, from begin to end.
type calls struct {
	edges   []*edge
	stop    context.CancelFunc
	running sync.WaitGroup
}

// begin calls what users of KEDA call: the external metrics, and, with a
// ScaledObject that it refuses, the validating webhook, which fails open.
func begin() *calls {
	ctx, stop := context.WithCancel(context.Background())
	c := &calls{stop: stop, edges: []*edge{
		reads: {name: "reads of an external metric", call: func(ctx context.Context) error {
			_, err := readMetric(ctx, firstMetric)
			return err
		}},
		admissions: {name: "admissions of a ScaledObject", call: refuseBadScaledObject},
	}}
	for _, e := range c.edges {
		e.failures = map[string]int{}
		c.running.Go(func() { e.keepCalling(ctx, &c.running) })
	}
	DeferCleanup(c.end)
	return c
}

func refuseBadScaledObject(ctx context.Context) error {
	err := tryBadScaledObject(ctx)
	switch {
	case err == nil:
		return errors.New("admitted, so KEDA's webhook was not asked")
	case strings.Contains(err.Error(), refusal):
		return nil
	}
	return err
}

// end returns when the last call has been answered.
func (c *calls) end() {
	c.stop()
	c.running.Wait()
}

// report ends the calls and tells what came of them, briefly to the table. What they
// are of is said before, where that is not the journey.
func (c *calls) report(of string) {
	c.end()
	AddReportEntry("calls", of+c.counts())
	fmt.Fprint(GinkgoWriter, c)
}

// keepCalling does not wait for one answer before the next call.
func (e *edge) keepCalling(ctx context.Context, running *sync.WaitGroup) {
	ticker := time.NewTicker(time.Second / perSecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			running.Go(e.callOnce)
		}
	}
}

func (e *edge) callOnce() {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	err := e.call(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	if err == nil {
		return
	}
	now := time.Now()
	if e.first.IsZero() {
		e.first = now
	}
	e.last = now
	e.failures[err.Error()]++
}

// failed leaves out what was said with one of these words.
func (e *edge) failed(but ...string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	failed := 0
	for said, count := range e.failures {
		if !slices.ContainsFunc(but, func(words string) bool { return strings.Contains(said, words) }) {
			failed += count
		}
	}
	return failed
}

// failed is over all edges.
func (c *calls) failed(but ...string) int {
	failed := 0
	for _, e := range c.edges {
		failed += e.failed(but...)
	}
	return failed
}

// lastFailure is over all edges, zero where none has failed.
func (c *calls) lastFailure() time.Time {
	var last time.Time
	for _, e := range c.edges {
		e.mu.Lock()
		if e.last.After(last) {
			last = e.last
		}
		e.mu.Unlock()
	}
	return last
}

// counts has a line for each edge.
func (c *calls) counts() string {
	var out strings.Builder
	for _, e := range c.edges {
		failed := e.failed()
		e.mu.Lock()
		fmt.Fprintf(&out, "%d of %d %s failed", failed, e.calls, e.name)
		if failed > 0 {
			fmt.Fprintf(&out, ", within %s", e.last.Sub(e.first).Round(time.Second))
		}
		out.WriteString("\n")
		e.mu.Unlock()
	}
	return out.String()
}

// String is the counts, and a line for each way in which calls failed.
func (c *calls) String() string {
	out := c.counts()
	for _, e := range c.edges {
		e.mu.Lock()
		for _, said := range slices.Sorted(maps.Keys(e.failures)) {
			out += fmt.Sprintf("  %d %s: %s\n", e.failures[said], e.name, said)
		}
		e.mu.Unlock()
	}
	return out
}
