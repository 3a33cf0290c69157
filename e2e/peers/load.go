package main

import (
	"context"
	"sync"
	"time"
)

const callsPerSecond = 50

// calls are what became of requests that came at a fixed rate, whether or not
// those before them had been answered.
type calls struct {
	made, failed int
	first        string        // why the first one failed
	from, to     time.Duration // when the first and the last that failed began, after the Secret's change
}

// plus adds up.
func (c calls) plus(other calls) calls {
	sum := c
	sum.made, sum.failed = c.made+other.made, c.failed+other.failed
	if other.failed == 0 {
		return sum
	}
	if c.failed == 0 || other.from < c.from {
		sum.from, sum.first = other.from, other.first
	}
	if c.failed == 0 || other.to > c.to {
		sum.to = other.to
	}
	return sum
}

// load makes calls until it is ended.
type load struct {
	stop  context.CancelFunc
	ended chan struct{}

	mutex    sync.Mutex
	made     int
	failures []failure
}

// failure is one call that failed.
type failure struct {
	began time.Time
	why   string
}

// startLoad calls until it is ended, or ctx is done.
func startLoad(ctx context.Context, call func(context.Context) error) *load {
	calling, stop := context.WithCancel(ctx)
	l := &load{stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		l.run(calling, func() { l.once(ctx, call) }) // what has begun is answered also after the end
	}()
	return l
}

// run begins calls when they are due, and makes up for those that it was late
// for: a machine that is busy must not make the load lighter.
func (l *load) run(ctx context.Context, call func()) {
	var open sync.WaitGroup
	defer open.Wait()
	const interval = time.Second / callsPerSecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	start := time.Now()
	for begun := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for due := int(time.Since(start) / interval); begun < due; begun++ {
				open.Go(call)
			}
		}
	}
}

func (l *load) once(ctx context.Context, call func(context.Context) error) {
	began := time.Now()
	err := call(ctx)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.made++
	if err != nil {
		l.failures = append(l.failures, failure{began, err.Error()})
	}
}

// end makes no further call, and returns when all have been answered.
func (l *load) end(changed time.Time) calls {
	l.stop()
	<-l.ended
	return summarize(l.made, l.failures, changed)
}

// summarize tells when calls failed, seen from the Secret's change.
func summarize(made int, failures []failure, changed time.Time) calls {
	c := calls{made: made, failed: len(failures)}
	for i, f := range failures {
		after := f.began.Sub(changed)
		if i == 0 || after < c.from {
			c.from, c.first = after, f.why
		}
		if i == 0 || after > c.to {
			c.to = after
		}
	}
	return c
}
