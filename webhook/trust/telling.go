package trust

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/notice"
)

// tellRotation tells of a change of certificate when it begins, of each stage that was
// published or that it went to by being given up, and when it ends, once. Who holds up
// the next stage is told by findings.
func (r *Reconciler) tellRotation(to notice.Audience, now rotation, have standing) {
	moved := now.step.move != moveNone && len(now.lagging) == 0
	switch {
	case now.waits() && have.rotationStarted().IsZero() && now.stage != stageFollowing: // which is no stage on a way
		r.teller.Event(to, corev1.EventTypeNormal, injector.ReasonRotationStarted, rotationNote(now, r.options.now()))
	case now.waits() && (moved || now.stage != have.rotationStage()):
		r.teller.Event(to, corev1.EventTypeNormal, injector.ReasonRotationStaged, rotationNote(now, r.options.now()))
	case now.finished(have):
		rotations.WithLabelValues(to.Namespace.Name, finishedHow(have)).Inc()
		r.teller.Event(to, corev1.EventTypeNormal, injector.ReasonRotationFinished, finishedNote(now, have))
	}
}

// tellUnseen tells of a stage that was over without everybody, once for all whom it was
// not seen to have reached: whose handshakes fail now, it is one of those.
func (r *Reconciler) tellUnseen(ctx context.Context, to notice.Audience, now rotation) {
	if len(now.unseen) == 0 {
		return
	}
	bound := r.options.convergenceTimeout()
	var each []string
	for _, l := range now.unseen {
		unseen.WithLabelValues(to.Namespace.Name, l.Component).Inc()
		logf.FromContext(ctx).Info("Went on without having seen a consumer", "stage", now.stage, "bound", bound.String(),
			"component", l.Component, "object", l.Object, "problem", l.Problem)
		each = append(each, l.Object+": "+l.Problem)
	}
	r.teller.Event(to, corev1.EventTypeWarning, injector.ReasonRotationUnseen, fmt.Sprintf("what was published was not seen at these, which are waited for no longer than %s, or than the certificate that they serve is valid; if handshakes fail, restart them first: %s", bound, strings.Join(each, "; ")))
}

// rotationNote says where a change of certificate is, and by which certificates one
// recognises it.
func rotationNote(r rotation, now time.Time) string {
	leaf, ca := r.resolution.Leaf, r.resolution.CA
	note := fmt.Sprintf("%s; now: %s", stageNote(r.stage), leaf)
	own := ca.Verifying(leaf, now)
	switch r.stage {
	case stageFollowing:
		return note + described("; no longer trusted: ", r.from.ca.Without(ca))
	case stageServing:
		return note + described("; to go: ", ca.Without(r.wanted.ca))
	}
	note += fmt.Sprintf("; next: %s", r.wanted.leaf) + described(", of ", r.wanted.ca.Without(own))
	if r.stage == stageReturning {
		note += described("; to go: ", ca.Without(injector.Union(own, r.wanted.ca)))
	}
	return note
}

// described is empty for no certificate.
func described(before string, ca injector.Bundle) string {
	if ca.Len() == 0 {
		return ""
	}
	var each []string
	for _, cert := range ca.Certificates() {
		each = append(each, injector.Describe(cert))
	}
	return before + strings.Join(each, ", ")
}

// stageNote says what a stage waits for.
func stageNote(s stage) string {
	switch s {
	case stageTrusting:
		return "what verifies another certificate is published; the certificate follows when everybody has that"
	case stageServing:
		return "the certificate is published; what else is trusted goes when everybody serves it"
	case stageFollowing:
		return "the certificate is published at once, and handshakes fail until everybody serves it"
	case stageReturning:
		return "the change of certificate before this one had not ended; what neither certificate needs goes first, when everybody serves the one that is published"
	}
	return ""
}

func finishedHow(have standing) string {
	if have.rotationStage() == stageFollowing {
		return howImmediate
	}
	return howStaged
}

func finishedNote(r rotation, have standing) string {
	return fmt.Sprintf("the certificate is %s", r.resolution.Leaf) + described("; no longer trusted: ", have.certificates.ca.Without(r.resolution.CA))
}
