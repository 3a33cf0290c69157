package injector

import (
	appsv1 "k8s.io/api/apps/v1"
)

// uninject gives the Deployment back to its user.
func (w *deploymentJob) uninject(reason Reason) Result {
	if w.request.Mode == ModeAudit {
		if w.injected {
			w.job.audit("would take out what was injected")
		}
		return w.left(reason)
	}
	if !w.injected && reason == ReasonUninjected {
		reason = ReasonNothingToDo
	}
	c := w.takeOut(w.live)
	delete(c.after.Labels, LabelState)
	for _, key := range []string{AnnotationInjected, AnnotationStateID, AnnotationNudge} {
		delete(c.after.Annotations, key)
	}
	return w.finish(reason, false, c.after, c)
}

// wait is for a state that is not there: an object that was injected stays as
// it came, for the last good state is better than none.
func (w *deploymentJob) wait(findings []Finding) Result {
	if len(Faults(findings)) > 0 {
		return w.refuse(findings)
	}
	w.tell(findings)
	if w.injected {
		return w.left(w.unpublished())
	}
	return w.finishLabel(w.unpublished(), StatePending)
}

// refuse leaves the Deployment as it came and says so on it.
func (w *deploymentJob) refuse(findings []Finding) Result {
	w.tell(findings)
	faults := Faults(findings)
	if w.request.State == nil && w.injected {
		return w.because(faults, nil) // the last good state
	}
	r := w.finishLabel(faults[0].Reason, StateRefused)
	return w.because(faults, r.Patch)
}

// finishLabel writes the state label and nothing else.
func (w *deploymentJob) finishLabel(reason Reason, state string) Result {
	if w.request.Mode == ModeAudit {
		state = StateAudit
	}
	after := w.incoming.DeepCopy()
	if after.Name != "" || after.GenerateName != "" {
		set(&after.Labels, LabelState, state)
	}
	return w.finish(reason, w.injected, after, change{before: w.incoming})
}

func (w *deploymentJob) finish(reason Reason, injected bool, after *appsv1.Deployment, c change) Result {
	ops, err := difference(viewDeployment(c.before, w.recognised.Container, w.record.Container), viewDeployment(after, w.recognised.Container, w.record.Container))
	if err != nil {
		f := fault(ReasonObjectInvalid, w.object(), "", "%v", err)
		w.tell([]Finding{f})
		return w.because([]Finding{f}, nil)
	}
	return w.done(reason, injected, append(c.ops, ops...))
}
