package trust

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/consumers"
)

// rotation is what a look at a change of certificate came to.
type rotation struct {
	step step
	// wanted are what the sources hold, to which the steps lead.
	wanted certificates
	// resolution is what is to be published now.
	resolution injector.Resolution
	// lagging are who holds up the step: it is not carried out then.
	lagging []consumers.Laggard
	// unseen are who the step no longer waits for, though they were not seen to have
	// what it builds on.
	unseen []consumers.Laggard
	// stage is where the change is once the resolution is published.
	stage stage
}

// rotate finds the next step from the published certificate to the wanted one,
// and whether its time has come. Only where the step is gated does it look at
// consumers, so that a namespace at rest costs no handshake.
func (r *Reconciler) rotate(ctx context.Context, seen reading, have standing) (rotation, error) {
	wanted := seen.resolution
	if wanted.Secret == nil { // KEDA issues, or certificates are left as they are
		return rotation{step: step{move: moveNone}, resolution: wanted, stage: stageSteady}, nil
	}
	from, since, err := r.inUse(ctx, seen.installation, have)
	if err != nil {
		return rotation{}, err
	}
	want := certificates{wanted.Leaf, wanted.CA}
	now := r.options.now()
	c := circumstances{now: now, immediate: seen.immediate, aged: now.Sub(since) >= r.options.convergenceTimeout()}
	out := rotation{step: next(from, want, c), wanted: want}
	to := out.step.to
	if out.step.gated {
		look, err := r.look(ctx, seen, from, since)
		if err != nil {
			return rotation{}, err
		}
		if out.lagging = look.Lagging; len(look.Lagging) > 0 {
			to = from
		} else {
			out.unseen = look.Unseen
		}
	}
	out.stage = stageBefore(next(to, want, c), want)
	if out.resolution, err = wanted.WithCertificate(to.leaf, to.ca); err != nil {
		return rotation{}, fmt.Errorf("sealing a stage of the state of Namespace %s: %w", seen.installation.Namespace, err)
	}
	return out, nil
}

// look finds those who do not have what is published now.
func (r *Reconciler) look(ctx context.Context, seen reading, have certificates, since time.Time) (consumers.Look, error) {
	published, err := seen.resolution.WithCertificate(have.leaf, have.ca)
	if err != nil {
		return consumers.Look{}, fmt.Errorf("sealing the state of Namespace %s as published: %w", seen.installation.Namespace, err)
	}
	p := consumers.Published{State: *published.State, Leaf: have.leaf, CA: have.ca, Since: since}
	return r.observer.Look(ctx, seen.installation, p, r.options.now())
}

// waits says whether the next stage has to be looked for.
func (r rotation) waits() bool { return r.stage != stageSteady }

// again is when to look at a change under way: no watch tells of what pods do.
func again() time.Duration { return wait.Jitter(5*time.Second, 0.2) }

// findings are those of the laggards that are worth telling.
func (r rotation) findings() []injector.Finding {
	var out []injector.Finding
	for _, l := range r.lagging {
		if l.Tell {
			out = append(out, injector.Finding{Reason: injector.ReasonRotationWaiting, Object: l.Object, Message: l.Problem, Warning: true})
		}
	}
	return out
}

// started is what is noted on the Secret that is published with this step.
func (r rotation) started(have standing, now time.Time) time.Time {
	if !r.waits() {
		return time.Time{}
	}
	if at := have.rotationStarted(); !at.IsZero() {
		return at
	}
	return now
}

// finished says whether this step ends a change of certificate. What only adds a
// CA, or puts back what was lost, is none.
func (r rotation) finished() bool {
	return !r.waits() && r.step.move != moveNone && r.step.move != moveAdd && r.step.move != moveReplace
}
