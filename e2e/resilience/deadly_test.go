package resilience

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// moment is when a process is killed, seen from its write.
type moment string

const (
	before moment = "before" // the API server never hears of it
	during moment = "during" // it is carried out, and nobody answers admission
	after  moment = "after"  // it is carried out, and the answer is lost
)

var moments = []moment{before, during, after}

// deadly kills a process at its first step, which waits until the process is
// ready: all there is to be killed then runs.
type deadly struct {
	// cut are the moments of lives before, by step: each step has them in turn.
	cut   map[string][]moment
	kill  func() error
	ready chan struct{}

	mu sync.Mutex
	// struck is the step, empty where there was none, and at is its moment.
	struck string
	at     moment
	err    error
}

// startDeadly starts a life that ends with a step.
func startDeadly(ctx context.Context, name string, cut map[string][]moment) (*replica, *deadly) {
	GinkgoHelper()
	d := &deadly{cut: cut, ready: make(chan struct{})}
	r := newReplica(name, port, d.fault)
	r.start(ctx)
	d.kill = r.server.Kill
	close(d.ready)
	return r, d
}

func (d *deadly) fault(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		step := stepOf(r)
		if step == "" {
			next.ServeHTTP(w, r)
			return
		}
		select {
		case <-d.ready:
			d.strike(step, next, r)
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler) // nobody is left to be answered
	})
}

// strike lets one step through, at most.
func (d *deadly) strike(step string, next http.Handler, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.struck != "" {
		return
	}
	d.struck, d.at = step, moments[len(d.cut[step])%len(moments)]
	body, err := io.ReadAll(r.Body)
	if err != nil {
		d.err = err
		return
	}
	// Whoever asked is gone before it is answered, which must not end the write.
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	if d.at == after {
		next.ServeHTTP(httptest.NewRecorder(), r)
	}
	d.err = d.kill()
	if d.at == during {
		next.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// livesUntil starts one life after the other, of which each ends with its first
// step, until the rotation has settled and there is nothing left to write. It
// returns them, and by what was written the moments at which they ended.
func livesUntil(ctx context.Context, to issued) ([]*replica, map[string][]moment) {
	GinkgoHelper()
	const tooMany = 60
	var all []*replica
	cut := map[string][]moment{}
	for n := range tooMany {
		r, d := startDeadly(ctx, fmt.Sprintf("life-%d", n), cut)
		all = append(all, r)
		Eventually(func() bool { return r.exited() || isSettled(ctx, to) == nil }).
			WithTimeout(patience).WithPolling(50*time.Millisecond).Should(BeTrue(), "neither killed nor at the end, after %v", cut)
		d.mu.Lock()
		step, at, err := d.struck, d.at, d.err
		d.mu.Unlock()
		Expect(err).NotTo(HaveOccurred())
		if step == "" {
			Expect(r.exited()).To(BeFalse(), "it ended by itself")
			AddReportEntry("killed", fmt.Sprint(n, " times: ", cut))
			return all, cut
		}
		cut[step] = append(cut[step], at)
	}
	Fail(fmt.Sprintf("after %d lives it is not settled: %v", tooMany, cut))
	return nil, nil
}
