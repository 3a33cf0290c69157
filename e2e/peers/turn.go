package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// turn is one contender on a control plane of its own.
type turn struct {
	bench     *bench
	contender contender
	binary    string
	dir       string // everything that is written
	tell      func(format string, args ...any)

	cluster  *local.Cluster
	client   *kubernetes.Clientset
	targets  *targets
	consumer *consumer
	material []*material // what the source holds, and what it will hold
}

// measured is what one turn has measured.
type measured struct {
	plain, crowded phase
	calls          calls
	faults         []string // what the contender did not do within its time
}

// run sets everything up, measures, and takes it down.
func (t *turn) run(ctx context.Context) (m measured, err error) {
	if err := os.Mkdir(t.dir, 0o700); err != nil {
		return m, fmt.Errorf("creating a directory: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		err = errors.Join(err, t.close())
	}()
	if err := t.setUp(ctx); err != nil {
		return m, err
	}
	return m, t.measure(ctx, &m)
}

// measure goes through the parts. One that did not come to its end for want of
// what the contender should have done ends neither the turn nor the next part.
func (t *turn) measure(ctx context.Context, m *measured) error {
	parts := []part{
		{"alone", func() error { return t.rotations(ctx, &m.plain, true) }},
		{"under calls", func() error { return t.callsThroughChange(ctx, &m.calls) }},
	}
	if n := t.bench.options.secrets; n > 0 {
		parts = append(parts, part{fmt.Sprintf("among %d other Secrets", n), func() error {
			if err := crowd(ctx, t.client, n); err != nil {
				return err
			}
			return t.rotations(ctx, &m.crowded, false)
		}})
	}
	for _, p := range parts {
		t.tell("%s", p.name)
		err := p.run()
		var late *overdueError
		if errors.As(err, &late) {
			m.faults = append(m.faults, p.name+": "+late.Error())
			t.tell("%s: %v\n%s", p.name, late, late.lastWords)
			continue
		}
		if err != nil {
			return fmt.Errorf("measuring %s %s: %w", t.contender.name(), p.name, err)
		}
	}
	return nil
}

// part is one thing that is measured in a turn.
type part struct {
	name string
	run  func() error
}

// setUp makes a cluster that has KEDA, up to the contender's process.
func (t *turn) setUp(ctx context.Context) (err error) {
	if t.cluster, err = local.StartCluster(); err != nil {
		return err
	}
	t.bench.kubernetes = t.cluster.Version
	if t.client, err = t.cluster.Clientset(); err != nil {
		return err
	}
	if t.consumer, err = startConsumer(); err != nil {
		return err
	}
	if t.targets, err = watchTargets(ctx, t.cluster.Client); err != nil {
		return err
	}
	// Roles are granted in it and leases are kept in it.
	if err := t.cluster.ApplyNamespace(ctx, injector.DefaultKEDANamespace, nil, nil); err != nil {
		return err
	}
	if err := t.contender.prepare(ctx, t); err != nil {
		return err
	}
	source := t.contender.source(t.material[0])
	if _, err := t.client.CoreV1().Secrets(injector.DefaultKEDANamespace).Create(ctx, source, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating Secret %s: %w", source.Name, err)
	}
	return nil
}

// close stops what was started, newest first. Its context is done by now.
func (t *turn) close() error {
	var faults []error
	if t.targets != nil {
		t.targets.wait()
	}
	if t.consumer != nil {
		faults = append(faults, t.consumer.stop())
	}
	if t.cluster != nil {
		faults = append(faults, t.cluster.Stop())
	}
	return errors.Join(append(faults, os.RemoveAll(t.dir))...)
}

func (t *turn) file(name string) string { return filepath.Join(t.dir, name) }

// overdueError is what a contender did not do within its time.
type overdueError struct {
	what      string
	bound     time.Duration
	lastWords string // of its log
}

func (e *overdueError) Error() string { return fmt.Sprintf("%s, not within %v", e.what, e.bound) }

var errBound = errors.New("its time is over")

// within gives what a contender has to do its time, and tells the end of that
// from every other error. The process, if there is one, must not end meanwhile.
func within(ctx context.Context, bound time.Duration, process *local.Process, what string, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeoutCause(ctx, bound, errBound)
	defer cancel()
	lives, die := context.WithCancelCause(bounded)
	defer die(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-process.Exited():
			die(fmt.Errorf("it has ended by itself\n%s", process.LastWords()))
		case <-lives.Done():
		}
	}()
	err := do(lives)
	die(nil)
	<-watched
	if errors.Is(err, errBound) {
		var missing *missingError
		if errors.As(err, &missing) {
			what = missing.object + " " + what
		}
		return &overdueError{what, bound, process.LastWords()}
	}
	return err
}

// pause lets be, unless ctx is done.
func pause(ctx context.Context, how time.Duration) error {
	select {
	case <-time.After(how):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
