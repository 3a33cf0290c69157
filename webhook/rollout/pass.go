package rollout

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/progress"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

// pass is one look at one namespace, and what is done about it.
type pass struct {
	*Reconciler
	namespace *corev1.Namespace
	mode      injector.Mode
	state     *injector.State // nil where the namespace is disabled, or nothing is published
	// want is what is carried out: the state's ID, or that nothing is.
	want string
	// target is what that is a stage on the way to, empty where it is not known.
	target string
	manual bool
	now    time.Time

	subjects []*subject
	memories *memories
	// next is when to look again though nothing has told of a change, zero for
	// no time in particular.
	next time.Time
	// rolling: what a Deployment's status says matters.
	rolling bool
}

// goAhead gives the APIService what is published before the Deployments are known,
// where it does not wait for them: an API server may take 100 ms to list what is current,
// and as long as that it verifies with what was. The first error is of the write, which
// holds up nothing else.
func (p *pass) goAhead(ctx context.Context) (failed, err error) {
	if err := p.readPublished(ctx); err != nil {
		return nil, err
	}
	if err := p.readAPIService(ctx); err != nil {
		return nil, err
	}
	if p.mode == injector.ModeDisabled {
		return nil, nil
	}
	for _, api := range p.subjects {
		if api.standing.Nudge && !skipsVerify(api) && p.due(api) {
			return p.nudge(ctx, api), nil
		}
	}
	return nil, nil
}

// follow tells what became of restarts.
func (p *pass) follow() {
	for _, s := range p.subjects {
		if s.deployment == nil {
			continue
		}
		made, ours := p.progressOf(s)
		if ours && made.Holds() && s.memory.nudged.IsZero() {
			s.memory.rolling = true // another leader's
		}
		switch {
		case !ours || !s.memory.rolling:
		case made.Done:
			s.memory.rolling = false
			p.tell(s, corev1.EventTypeNormal, injector.ReasonRolloutFinished, p.finishedNote(s))
		case made.Stalled:
			s.memory.rolling = false
			p.tell(s, corev1.EventTypeWarning, injector.ReasonRolloutStalled, p.stalledNote(s))
		default:
			p.await(made.Until)
		}
	}
}

// progressOf knows, where we nudged last, whether that restarted anything. What we
// did not restart is not ours to wait for.
func (p *pass) progressOf(s *subject) (made progress.Progress, ours bool) {
	nudged := nudgedAt(s.deployment, p.now)
	if !s.memory.rolling {
		nudged = restartedAt(s.deployment, p.now)
	}
	if nudged.IsZero() || (!s.memory.rolling && !nudged.After(s.memory.nudged)) {
		return progress.Progress{}, false
	}
	return progress.Of(s.deployment, nudged, p.now), true
}

// carryOut makes at once what restarts nothing, and restarts in order.
func (p *pass) carryOut(ctx context.Context) error {
	var failures []error
	var restarts []*subject
	for _, s := range p.subjects {
		switch {
		case !s.standing.Nudge, s.tried:
		case s.deployment == nil && p.tooEarly(s):
		case s.standing.Restart:
			restarts = append(restarts, s)
		case p.due(s):
			failures = append(failures, p.nudge(ctx, s))
		}
	}
	failures = append(failures, p.restart(ctx, restarts))
	return errors.Join(failures...)
}

// tooEarly tells whether the APIService would get, or lose, its caBundle before
// Deployments serve what it verifies:
//
//	mode      the APIService         waits for
//	disabled  any                    every Deployment
//	enabled   verifies nothing yet   the metrics-apiserver, which need not have served what anybody knows
//	enabled   verifies               nobody
//
// By hand nothing restarts, and an APIService that verifies nothing has time.
func (p *pass) tooEarly(api *subject) bool {
	if p.mode != injector.ModeDisabled && !skipsVerify(api) {
		return false
	}
	return slices.ContainsFunc(p.subjects, func(s *subject) bool {
		if s.deployment == nil || (p.mode != injector.ModeDisabled && s.component() != string(injector.ComponentMetricsAPIServer)) {
			return false
		}
		return s.standing.Restart || p.underway(s)
	})
}

func skipsVerify(s *subject) bool {
	api, ok := s.object.(*apiregistrationv1.APIService)
	return ok && api.Spec.InsecureSkipTLSVerify
}

// restart nudges one after the other. The first that has to wait, or fails, holds
// up those after it, unless it has for long.
func (p *pass) restart(ctx context.Context, subjects []*subject) error {
	if p.manual && len(subjects) > 0 {
		p.tellManual(subjects)
		return nil
	}
	for _, s := range subjects {
		if p.busy(s) {
			return nil
		}
		if !p.due(s) {
			if s.memory.told() {
				continue
			}
			return nil
		}
		if err := p.nudge(ctx, s); err != nil {
			return err
		}
		if s.standing.Nudge && !s.memory.told() {
			return nil
		}
	}
	return nil
}

// busy tells whether another Deployment is still on its way.
func (p *pass) busy(s *subject) bool {
	busy := false
	for _, other := range p.subjects {
		if other == s || other.deployment == nil {
			continue
		}
		busy = p.underway(other) || busy
	}
	return busy
}

// underway tells whether a restart of ours holds up others.
func (p *pass) underway(s *subject) bool {
	made, ours := p.progressOf(s)
	if !ours || !made.Holds() {
		return false
	}
	p.await(made.Until)
	return true
}

// due tells whether the subject may be nudged now. A retry waits for its time,
// and a restart for that of the brake too, but for one that somebody ordered by
// taking keda-trust away, and for the next stage of a change of certificate, which
// was not published before the one before had arrived.
func (p *pass) due(s *subject) bool {
	s.memory.begin(p.want, p.now)
	at := s.memory.tryAt()
	stage := s.standing.Why == injector.ReasonCertificateChanged && s.memory.goesTo(p.target)
	if s.standing.Restart && s.standing.Why != injector.ReasonUninjected && !stage {
		if brake := s.memory.restartAt(restartedAt(s.deployment, p.now)); brake.After(at) {
			at = brake
			p.tellHeld(s, at)
		}
	}
	if !p.now.Before(at) {
		return true
	}
	if s.memory.told() { // and its next nudge may be later than that is forgotten
		p.tellContested(s)
	}
	p.lookAt(at)
	return false
}

// await is for the end of a restart, of which a status tells, or else its
// deadline.
func (p *pass) await(until time.Time) {
	p.rolling = true
	p.lookAt(until)
}

func (p *pass) lookAt(at time.Time) {
	if p.next.IsZero() || at.Before(p.next) {
		p.next = at
	}
}

func (p *pass) after() time.Duration {
	if p.next.IsZero() {
		return recheck
	}
	return min(recheck, max(p.next.Sub(p.now), time.Millisecond))
}

func (p *pass) targets() []watch.Target {
	deployments := watch.Deployments(p.namespace.Name)
	deployments.Status = p.rolling
	return []watch.Target{deployments, watch.ConfigMap(p.namespace.Name, injector.StateConfigMap)}
}
