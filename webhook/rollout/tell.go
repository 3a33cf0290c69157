package rollout

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/notice"
	"github.com/keda-trust/keda-trust/webhook/progress"
)

// tell makes an Event about the subject, and one about the Namespace.
func (p *pass) tell(s *subject, eventType string, reason injector.Reason, note string) {
	to := notice.Audience{Namespace: p.namespace}
	if s.deployment != nil {
		to.Also = s.deployment
	}
	p.teller.Event(to, eventType, reason, note)
}

// wanted names what is carried out.
func (p *pass) wanted() string {
	if p.mode == injector.ModeDisabled {
		return "without what was injected"
	}
	return "as the published state " + p.want + " says"
}

func (p *pass) restarted(s *subject, component string, why injector.Reason) {
	rollouts.WithLabelValues(p.namespace.Name, component, string(why)).Inc()
	note := fmt.Sprintf("%s restarts %s: %s, %s", s, p.carried(s), why, why.Sentence())
	if p.mode == injector.ModeDisabled {
		note += "; this is not staged, and handshakes may fail until all of KEDA's components have restarted"
	}
	p.tell(s, corev1.EventTypeNormal, injector.ReasonRolloutStarted, note)
}

func (p *pass) finishedNote(s *subject) string {
	return fmt.Sprintf("%s: all %d replicas run %s", s, s.deployment.Status.Replicas, p.carried(s))
}

// carried names what the subject carries, which is not what is wanted where that
// has changed meanwhile.
func (p *pass) carried(s *subject) string {
	if id := s.deployment.Annotations[injector.AnnotationStateID]; id != "" {
		return fmt.Sprintf("with %s %s", injector.AnnotationStateID, id)
	}
	return "without what was injected"
}

func (p *pass) stalledNote(s *subject) string {
	return fmt.Sprintf("%s was restarted at %s and is not available after %s: %d of %d replicas are updated and %d available; the components after it no longer wait for it",
		s, s.memory.lastRestart(nudgedAt(s.deployment, p.now)).UTC().Format(time.RFC3339), progress.Deadline(s.deployment),
		s.deployment.Status.UpdatedReplicas, ptr.Deref(s.deployment.Spec.Replicas, 1), s.deployment.Status.AvailableReplicas)
}

// tellHeld tells once after each restart that something waits, and how not to wait. It
// is normal for one change soon after another.
func (p *pass) tellHeld(s *subject, until time.Time) {
	if !p.now.Before(until) {
		return
	}
	last := s.memory.lastRestart(restartedAt(s.deployment, p.now))
	if s.memory.heldFor.Equal(last) {
		return
	}
	s.memory.heldFor = last
	eventType, advice := corev1.EventTypeWarning, ". If this goes on, look at what changes the sources or the Deployment again and again"
	if s.memory.strikes == 0 && s.standing.Why != injector.ReasonRepaired {
		eventType, advice = corev1.EventTypeNormal, ""
	}
	p.tell(s, eventType, injector.ReasonRolloutHeld, fmt.Sprintf(
		"%s has to restart, and was last restarted at %s; it waits until %s, and then restarts with what is published by then, or now by: kubectl rollout restart -n %s deployment/%s%s",
		s, last.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339), s.object.GetNamespace(), s.object.GetName(), advice))
}

// tellManual tells what waits for somebody else: each state, and again before that is
// forgotten.
func (p *pass) tellManual(waiting []*subject) {
	if p.memories.manualFor == p.want && p.now.Sub(p.memories.manualAt) < notice.Retell {
		return
	}
	p.memories.manualFor, p.memories.manualAt = p.want, p.now
	for _, s := range waiting {
		p.tell(s, corev1.EventTypeNormal, injector.ReasonRolloutManual, fmt.Sprintf(
			"%s would restart %s (%s), and does at its next write by somebody else, for %s is manual", s, p.wanted(), s.standing.Why, injector.AnnotationRollout))
	}
}

func (p *pass) tellUnanswered(s *subject, problem string) {
	if !s.memory.tells(p.now) {
		return
	}
	p.tell(s, corev1.EventTypeWarning, injector.ReasonNudgeUnanswered, fmt.Sprintf(
		"%s was written %d times, so that admission make it stand %s, and %s; it is tried again, at least every %s", s, s.memory.tries, p.wanted(), problem, longestPause))
}

// tellContested tells that somebody takes back what admission has answered.
func (p *pass) tellContested(s *subject) {
	if !s.memory.answered || !s.memory.tells(p.now) {
		return
	}
	writer := lastOtherWriter(s)
	if writer == "" {
		writer = "unknown"
	}
	p.tell(s, corev1.EventTypeWarning, injector.ReasonInjectionContested, fmt.Sprintf(
		"%s stood %s %d times, and each time that was taken back, past admission; the last who wrote it is the field manager %q; it is put right again, ever more rarely", s, p.wanted(), s.memory.tries, writer))
}
