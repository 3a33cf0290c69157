package trust

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/consumers"
)

// rotation is what a look at a change of certificate came to.
type rotation struct {
	// from is what the step leads away from, and circumstances what it depends on.
	from          use
	circumstances circumstances
	step          step
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

// plan finds the next step from the published certificate to the wanted one.
func (r *Reconciler) plan(ctx context.Context, seen reading, have standing) (rotation, error) {
	wanted := seen.resolution
	out := rotation{step: step{move: moveNone}, resolution: wanted, stage: stageSteady}
	if wanted.Secret == nil { // KEDA issues, or certificates are left as they are
		return out, nil
	}
	var err error
	if out.from, err = r.inUse(ctx, seen.installation, have); err != nil {
		return rotation{}, err
	}
	now := r.options.now()
	out.wanted = certificates{wanted.Leaf, wanted.CA}
	out.circumstances = circumstances{now: now, immediate: seen.immediate, aged: now.Sub(out.from.since) >= r.options.convergenceTimeout()}
	if out.from.leaf.Certificate() != nil {
		out.circumstances.overtaken = seen.installation.Overtaken(out.from.leaf, now)
	}
	out.step = next(out.from.certificates, out.wanted, out.circumstances)
	return out, nil
}

// rotate makes the next step, unless its time has not come. Only where the step is
// gated, or was taken at once, does it look at consumers, so that a namespace at rest
// costs no handshake.
func (r *Reconciler) rotate(ctx context.Context, seen reading, have standing) (rotation, error) {
	out, err := r.plan(ctx, seen, have)
	if err != nil || seen.resolution.Secret == nil {
		return out, err
	}
	to, follows := out.step.to, out.step.move == moveNone && have.rotationStage() == stageFollowing
	if out.step.gated || follows {
		look, err := r.look(ctx, seen, out.from)
		if err != nil {
			return rotation{}, err
		}
		if out.lagging = look.Lagging; len(look.Lagging) > 0 {
			to = out.from.certificates
		} else {
			out.unseen = look.Unseen
		}
	}
	out.stage = stageBefore(next(to, out.wanted, out.circumstances), out.wanted)
	if out.stage == stageSteady && (out.atOnce() || follows && len(out.lagging) > 0) {
		out.stage = stageFollowing
	}
	if out.resolution, err = seen.resolution.WithCertificate(to.leaf, to.ca); err != nil {
		return rotation{}, fmt.Errorf("sealing a stage of the state of Namespace %s: %w", seen.installation.Namespace, err)
	}
	return out, nil
}

// look finds those who do not have what is published now.
func (r *Reconciler) look(ctx context.Context, seen reading, have use) (consumers.Look, error) {
	published, err := seen.resolution.WithCertificate(have.leaf, have.ca)
	if err != nil {
		return consumers.Look{}, fmt.Errorf("sealing the state of Namespace %s as published: %w", seen.installation.Namespace, err)
	}
	p := consumers.Published{State: *published.State, Leaf: have.leaf, CA: have.ca, Since: have.since}
	return r.observer.Look(ctx, seen.installation, p, r.options.now())
}

// waits says whether the next stage has to be looked for.
func (r rotation) waits() bool { return r.stage != stageSteady }

// again is when to look at a change under way: no watch tells of what pods do.
func again() time.Duration { return wait.Jitter(5*time.Second, 0.2) }

// findings are those of the laggards that are worth telling, and what must not be read.
func (r rotation) findings() []injector.Finding {
	out := slices.Clone(r.from.unread)
	for _, l := range r.lagging {
		if l.Tell {
			out = append(out, injector.Finding{Reason: injector.ReasonRotationWaiting, Object: l.Object, Message: l.Problem, Warning: true})
		}
	}
	return out
}

// unstaged says why pods of one certificate and pods of another that do not verify each
// other run side by side, where before, nil for none, is the state so far; empty where
// they do not.
func (r rotation) unstaged(before *injector.State) string {
	const unstaged = "this change of certificate is not staged, and handshakes may fail until all of KEDA's pods have it"
	state := r.resolution.State
	changes := before == nil || before.CertificateDigest != state.CertificateDigest
	switch {
	case changes && r.replaces():
		return unstaged + "; the one before had ended, or no CA verified it any more"
	case changes && r.circumstances.overtaken != "":
		return unstaged + "; " + r.circumstances.overtaken + ", does not verify the one before any more"
	case changes && (r.step.move == moveOrdered || len(r.from.unread) > 0), state.Unstaged(before):
		return unstaged
	}
	return ""
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

// replaces says whether this step puts a certificate in place of one that nobody could
// verify any more.
func (r rotation) replaces() bool {
	return r.step.move == moveReplace && r.from.leaf.Certificate() != nil && !bytes.Equal(r.from.leaf.CertPEM, r.step.to.leaf.CertPEM)
}

// atOnce says whether this step leaves pods behind that serve what nobody verifies.
func (r rotation) atOnce() bool { return r.step.move == moveOrdered || r.replaces() }

// finished says whether this step ends a change of certificate, one that was given up
// included. What only adds a CA, or puts back what was lost, is none by itself, and
// where no certificate is published any more it is not known what pods come to.
func (r rotation) finished(have standing) bool {
	if r.waits() || r.resolution.Secret == nil {
		return false
	}
	switch r.step.move {
	case moveNone, moveAdd, moveReplace:
		return !have.rotationStarted().IsZero()
	}
	return true
}
