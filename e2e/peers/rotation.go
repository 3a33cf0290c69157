package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/keda-trust/keda-trust/e2e/figures"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

const (
	// warmUp rotations do not count: they open connections.
	warmUp = 2
	// touches are how often the source is written without another content.
	touches = 5
	// patience is for what a contender does when it starts and when the source
	// changes, which usually takes well below a second.
	patience = 20 * time.Second
	// settling is for what follows, which keda-trust does in stages.
	settling = time.Minute
	// quiet is how long a rotation is left alone when it is through: what comes
	// later still counts as its own.
	quiet = 300 * time.Millisecond
	// shortly bounds keda-trust's waiting for consumers where nobody calls them.
	shortly = time.Second
)

// sample is one rotation: from the issue of the Secret's change to the moment
// when a watch has shown the new CA in every caBundle of an object, and of all.
type sample struct {
	object [objects]time.Duration
	all    time.Duration
}

// phase is what was measured over rotations one after the other. Where it has not
// come to its end, only samples and memory are good.
type phase struct {
	complete          bool
	samples           []sample
	requests, touched traffic // over all samples; over touches, which changed nothing
	changes           int     // of a caBundle of an object, over all samples
	memory            figures.Memory
	certificates      int // in the largest caBundle at the end
	most              int // the most that there ever were
}

// rotations starts the process and changes the CA again and again. Nobody calls
// the consumer, so its certificate does not lag.
func (t *turn) rotations(ctx context.Context, p *phase, first bool) (err error) {
	stop, process, err := t.begin(ctx, 0, shortly, first)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	// Whatever comes of the rotations, memory is what it is.
	defer func() {
		memory, memoryErr := figures.MemoryOf(process.PID())
		p.memory, err = memory, errors.Join(err, memoryErr)
	}()
	if err := t.untilInjected(ctx, process, "has the CA that the Secret holds from the start"); err != nil {
		return err
	}
	for range warmUp {
		if _, err := t.rotate(ctx, process); err != nil {
			return err
		}
	}
	if err := t.counted(ctx, &p.requests, t.bench.options.rotations, func() error {
		t.targets.count()
		return t.sampled(ctx, p, process)
	}); err != nil {
		return err
	}
	t.targets.look(func(sights *[objects]sight) {
		for i := range sights {
			p.changes += sights[i].changes
			p.certificates = max(p.certificates, sights[i].certificates)
			p.most = max(p.most, sights[i].most)
		}
	})
	err = t.counted(ctx, &p.touched, touches, func() error { return t.touch(ctx) })
	p.complete = err == nil
	return err
}

// begin starts the process and has the consumer follow what would be mounted.
// KEDA is installed when the process first runs, as after a cluster is set up.
func (t *turn) begin(ctx context.Context, lag, waiting time.Duration, first bool) (stop func() error, process *local.Process, err error) {
	if process, err = t.contender.start(ctx, t, waiting); err != nil {
		return nil, nil, err
	}
	if first {
		if err := t.installKEDA(ctx); err != nil {
			return nil, nil, errors.Join(err, process.Stop())
		}
	}
	unfollow, err := t.consumer.follow(ctx, t.client, t.contender.served(), lag)
	if err != nil {
		return nil, nil, errors.Join(err, process.Stop())
	}
	return func() error { return errors.Join(process.Stop(), unfollow()) }, process, nil
}

// sampled rotates as often as was asked for.
func (t *turn) sampled(ctx context.Context, p *phase, process *local.Process) error {
	for range t.bench.options.rotations {
		taken, err := t.rotate(ctx, process)
		if err != nil {
			return err
		}
		p.samples = append(p.samples, taken)
	}
	return nil
}

// counted counts what the API server is asked while something is done that
// patches a Secret n times.
func (t *turn) counted(ctx context.Context, to *traffic, n int, do func() error) error {
	before, err := readRequests(ctx, t.client.RESTClient())
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	after, err := readRequests(ctx, t.client.RESTClient())
	if err != nil {
		return err
	}
	*to, err = after.since(before).traffic(n)
	return err
}

// rotate changes the Secret, waits for the new CA in both objects, and then for
// the rotation to come to its end.
func (t *turn) rotate(ctx context.Context, process *local.Process) (sample, error) {
	changed, err := t.change(ctx)
	if err != nil {
		return sample{}, err
	}
	if err := t.untilInjected(ctx, process, "has the new CA after the Secret's change"); err != nil {
		return sample{}, err
	}
	taken := t.sampleOf(changed)
	if err := t.settle(ctx, process, settling); err != nil {
		return sample{}, err
	}
	return taken, pause(ctx, quiet)
}

// change gives the source the next material, and says when.
func (t *turn) change(ctx context.Context) (time.Time, error) {
	if len(t.material) < 2 {
		return time.Time{}, errors.New("changing the Secret: no certificates were made for that")
	}
	t.material = t.material[1:]
	source := t.contender.source(t.material[0])
	patch, err := json.Marshal(map[string]any{"data": source.Data})
	if err != nil {
		return time.Time{}, fmt.Errorf("encoding a Secret: %w", err)
	}
	issued := time.Now()
	return issued, t.patchSource(ctx, patch)
}

// touch writes the source without changing what it holds.
func (t *turn) touch(ctx context.Context) error {
	for i := range touches {
		patch := fmt.Sprintf(`{"metadata":{"annotations":{"example.com/touched":"%d"}}}`, i)
		if err := t.patchSource(ctx, []byte(patch)); err != nil {
			return err
		}
		if err := pause(ctx, quiet); err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) patchSource(ctx context.Context, patch []byte) error {
	name := t.contender.source(t.material[0]).Name
	_, err := t.client.CoreV1().Secrets(injector.DefaultKEDANamespace).
		Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: local.FieldManager})
	if err != nil {
		return fmt.Errorf("changing Secret %s: %w", name, err)
	}
	return nil
}

func (t *turn) untilInjected(ctx context.Context, process *local.Process, what string) error {
	ca := t.material[0].ca
	return within(ctx, patience, process, what, func(ctx context.Context) error {
		return t.targets.until(ctx, func(s *sight) bool { return slices.Contains(s.everywhere, ca) })
	})
}

// settle waits for the certificate to be served and, where the old CA is taken
// out again, for that.
func (t *turn) settle(ctx context.Context, process *local.Process, bound time.Duration) error {
	m := t.material[0]
	err := within(ctx, bound, process, "what KEDA would serve is the new certificate", func(ctx context.Context) error {
		return t.consumer.until(ctx, m.leaf)
	})
	if err != nil || !t.contender.prunes() {
		return err
	}
	return within(ctx, bound, process, "has the new CA and no other", func(ctx context.Context) error {
		return t.targets.until(ctx, func(s *sight) bool { return s.only(m.ca) })
	})
}

func (t *turn) sampleOf(changed time.Time) sample {
	var taken sample
	t.targets.look(func(sights *[objects]sight) {
		for i := range sights {
			taken.object[i] = sights[i].arrivals[t.material[0].ca].Sub(changed)
			taken.all = max(taken.all, taken.object[i])
		}
	})
	return taken
}
