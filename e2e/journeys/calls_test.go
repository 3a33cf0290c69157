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
	failures map[string]failure // by what was said
	answered time.Time          // last
	silence  time.Duration      // in all, in which no call was answered
}

// pause is shorter than what anybody notices. KEDA's metrics-apiserver does not fail
// while the operator is not there for it: it lets a call wait, so what is lost shows
// in pauses and not in failures.
const pause = time.Second

// failure is one way in which calls fail.
type failure struct {
	calls       int
	first, last time.Time
}

// and is both.
func (f failure) and(other failure) failure {
	if f.calls == 0 || other.calls > 0 && other.first.Before(f.first) {
		f.first = other.first
	}
	if other.last.After(f.last) {
		f.last = other.last
	}
	f.calls += other.calls
	return f
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
		e.failures, e.answered = map[string]failure{}, time.Now()
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
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	if err == nil {
		if since := now.Sub(e.answered); since > pause {
			e.silence += since
		}
		e.answered = now
		return
	}
	e.failures[err.Error()] = e.failures[err.Error()].and(failure{calls: 1, first: now, last: now})
}

// failed leaves out what was said with one of these words.
func (e *edge) failed(but ...string) failure {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all failure
	for said, one := range e.failures {
		if !slices.ContainsFunc(but, func(words string) bool { return strings.Contains(said, words) }) {
			all = all.and(one)
		}
	}
	return all
}

// failed is over all edges.
func (c *calls) failed(but ...string) failure {
	var all failure
	for _, e := range c.edges {
		all = all.and(e.failed(but...))
	}
	return all
}

// counts has a line for each edge.
func (c *calls) counts() string {
	var out strings.Builder
	for _, e := range c.edges {
		failed := e.failed()
		e.mu.Lock()
		fmt.Fprintf(&out, "%d of %d %s failed", failed.calls, e.calls, e.name)
		if failed.calls > 0 {
			fmt.Fprintf(&out, ", within %s", failed.last.Sub(failed.first).Round(time.Second))
		}
		if e.silence > 0 {
			fmt.Fprintf(&out, ", none was answered for %s", e.silence.Round(100*time.Millisecond))
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
			f := e.failures[said]
			out += fmt.Sprintf("  %d %s from %s to %s: %s\n", f.calls, e.name, f.first.Format(time.TimeOnly), f.last.Format(time.TimeOnly), said)
		}
		e.mu.Unlock()
	}
	return out
}
