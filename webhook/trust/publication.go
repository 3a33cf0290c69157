package trust

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/notice"
)

// outcome is what publishing came to.
type outcome struct {
	findings []injector.Finding
	// published are the certificates and custom CAs that stand now.
	published view
	// again is when to look again, zero for no sooner than without.
	again time.Duration
}

// publish brings what is published a step nearer to what is wanted. Its findings
// are what stands in the way and only a person can move, or what is held back.
func (r *Reconciler) publish(ctx context.Context, to notice.Audience, seen reading, have standing) (outcome, error) {
	namespace, wanted, now := to.Namespace.Name, seen.resolution, r.options.now()
	flapping := r.episodes.look(namespace, wanted.State.ID, now, r.options.quiet())
	if left := r.heldBack(seen, have); left > 0 && len(flapping) > 0 {
		logf.FromContext(ctx).V(1).Info("Held back, for something else was published just now", "state", wanted.State.ID, "for", left)
		return outcome{findings: flapping, published: viewOf(have), again: left}, nil
	}
	rotation, err := r.rotate(ctx, seen, have)
	if err != nil {
		return outcome{}, err
	}
	resolution := rotation.resolution
	marks := marks{now: now, target: wanted.State.ID, asked: seen.asked, rotationStarted: rotation.started(have, now), stage: rotation.stage, flapping: len(flapping) > 0}
	done, err := r.publisher.publish(ctx, namespace, resolution, have, marks)
	if err == nil && done.any() {
		publications.WithLabelValues(namespace).Inc()
		logf.FromContext(ctx).Info("Published", "state", resolution.State.ID, "certificateSecret", resolution.State.CertificateSecret,
			"customCAConfigMap", resolution.State.CustomCAConfigMap, "move", rotation.step.move, "stage", rotation.stage)
		r.tellPublication(to, done, rotation, have)
	}
	if done.secret || done.noted { // also where what comes after failed: then the next look finds nothing to tell of it
		r.tellRotation(to, rotation, have)
		r.tellUnseen(ctx, to, rotation)
	}
	var foreign *foreignError
	if errors.As(err, &foreign) {
		refused := []injector.Finding{foreign.finding()}
		r.count(namespace, refused)
		return outcome{findings: refused, published: viewOf(have)}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	out := outcome{findings: append(flapping, rotation.findings()...), published: rotation.view(marks)}
	if rotation.waits() {
		out.again = again()
	}
	return out, nil
}

// heldBack is how long the state of sources that flap has to wait, for the one
// before it has hardly been carried out. What was lost is put back at once, an
// emergency does not wait, and nor does a certificate beyond the end of the one before.
func (r *Reconciler) heldBack(seen reading, have standing) time.Duration {
	wanted := seen.resolution
	if wanted.Secret != nil && have.certificates.leaf.Certificate() == nil {
		return 0
	}
	if seen.immediate {
		return 0
	}
	now := r.options.now()
	left := have.noted(now).heldBack(wanted.State.ID, seen.asked, now, r.options.quiet())
	if leaf := have.certificates.leaf.Certificate(); leaf != nil {
		left = min(left, max(leaf.NotAfter.Sub(now), 0))
	}
	return left
}

// retire takes the state of a disabled namespace back: whoever enables it again would
// have it carried out before the sources are looked at, whatever has become of KEDA's
// own certificate meanwhile. What pods may still mount stays.
func (r *Reconciler) retire(ctx context.Context, namespace string) error {
	if !r.granted(namespace) {
		return nil
	}
	state, err := read(ctx, r.reader.Live, "ConfigMap", namespace, injector.StateConfigMap, &corev1.ConfigMap{})
	if err != nil || state == nil || !injector.Published(state.Labels) {
		return err
	}
	return r.publisher.delete(ctx, state)
}

// release tells once that a namespace is no longer managed. That it was told
// stands on the state itself, so that a new leader does not tell it again.
func (r *Reconciler) release(ctx context.Context, ns *corev1.Namespace) error {
	if !r.granted(ns.Name) {
		return nil
	}
	state, err := read(ctx, r.reader.Live, "ConfigMap", ns.Name, injector.StateConfigMap, &corev1.ConfigMap{})
	if err != nil || state == nil || !injector.Published(state.Labels) || state.Annotations[injector.AnnotationReleased] != "" {
		return err
	}
	if state.Annotations == nil {
		state.Annotations = map[string]string{}
	}
	state.Annotations[injector.AnnotationReleased] = "true"
	if err := r.publisher.update(ctx, state, "ConfigMap"); err != nil {
		return err
	}
	r.teller.Event(notice.Audience{Namespace: ns}, corev1.EventTypeNormal, injector.ReasonReleased, injector.ReasonReleased.Sentence())
	return nil
}
