package injector

import (
	"errors"
	"slices"

	"gomodules.xyz/jsonpatch/v2"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

// deploymentJob is one Deployment. base is what its user says: what came in
// without what was injected.
type deploymentJob struct {
	*job
	incoming, base *appsv1.Deployment
	record         record
	live           []edit
	recognised     Recognised
}

func (j *job) deployment() Result {
	d := &appsv1.Deployment{}
	if err := json.Unmarshal(j.request.Object, d); err != nil {
		return j.unreadable(err)
	}
	r, found, findings := recordOf(d, j.request.OldObject)
	j.injected = found
	w := &deploymentJob{job: j, incoming: d, base: d, record: r}
	if found {
		w.live = r.live(d)
		w.base = d.DeepCopy()
		drop(w.base, r.Container, w.live)
		putBack(w.base, r.Container, w.live)
	}
	w.recognised = Recognise(w.base)
	j.report.Component = string(w.recognised.Component)
	return w.decide(findings)
}

// decide picks what happens to the Deployment, in this order: what was injected
// can be taken out also where it could not be injected.
func (w *deploymentJob) decide(recordFaults []Finding) Result {
	reason, message := StandBack(w.base)
	none := w.recognised.Component == ComponentNone
	faulty := len(Faults(w.recognised.Findings)) > 0
	label := w.labelFaults(w.incoming.Labels)
	switch {
	case w.request.Mode == ModeUnmanaged:
		return w.left(ReasonPassedThrough)
	case len(recordFaults) > 0:
		return w.refuse(recordFaults)
	case none && !faulty && !w.injected:
		return w.left(ReasonNotKEDA)
	case w.incoming.Labels[LabelInject] == string(ModeDisabled):
		return w.uninject(ReasonOptedOut)
	case w.request.Mode == ModeDisabled:
		return w.uninject(ReasonUninjected)
	case reason != "" && !none:
		w.report.Message = message
		return w.uninject(reason)
	case faulty, len(label) > 0:
		return w.refuse(slices.Concat(w.recognised.Findings, label))
	case none:
		return w.uninject(ReasonNotKEDA)
	}
	return w.inject(w.recognised.Findings)
}

func (w *deploymentJob) inject(findings []Finding) Result {
	findings = slices.Concat(findings, w.request.Findings)
	if w.request.State != nil { // else its findings say so
		findings = append(findings, mistaken(w.incoming, w.recognised.Component)...)
	}
	if err := checkAddressable(w.base, w.recognised.Container); err != nil {
		return w.refuse(append(findings, fault(ReasonObjectInvalid, w.object(), "metadata", "%v", err)))
	}
	if w.request.State == nil {
		return w.wait(findings)
	}
	name := w.base.Spec.Template.Spec.Containers[w.recognised.Container].Name
	edits, conflicts := plan(w.base.DeepCopy(), w.recognised, w.request.State)
	findings = append(findings, conflicts...)
	if len(Faults(findings)) > 0 {
		return w.refuse(findings)
	}
	after, ops, err := w.carryOut(name, edits)
	if err != nil {
		return w.refuse(append(findings, fault(ReasonCommandUnknown, w.object(), "", "%v", err)))
	}
	if findings = append(findings, w.tooLarge(after.Annotations)...); len(Faults(findings)) > 0 {
		return w.refuse(findings)
	}
	w.tell(findings)
	if w.request.Mode == ModeAudit {
		return w.audit(name, edits)
	}
	return w.finish(ReasonInjected, true, after, ops)
}

// checkAddressable holds what a patch needs to find its way.
func checkAddressable(d *appsv1.Deployment, container int) error {
	if d.Name == "" && d.GenerateName == "" {
		return errors.New("has neither name nor generateName")
	}
	if d.Spec.Template.Spec.Containers[container].Name == "" {
		return errors.New("has a container without a name")
	}
	return nil
}

// change is a Deployment on its way, and what did it so far.
type change struct {
	before, after *appsv1.Deployment // before the difference, after all
	ops           []jsonpatch.Operation
}

// carryOut lays edits over what came in. What was injected before and is to
// stay is changed where it stands, so that no template changes without need.
func (w *deploymentJob) carryOut(container string, edits []edit) (*appsv1.Deployment, change, error) {
	var stale []edit
	for _, e := range w.live {
		moved := w.record.Container != container && e.Kind != editVolume
		if moved || !anySame(e, edits) || (e.isVariable() && strays(w.incoming, container)) {
			stale = append(stale, e)
		}
	}
	c := w.takeOut(stale)
	if err := apply(c.after, w.recognised.Container, edits); err != nil {
		return nil, c, err
	}
	written := record{Container: container, Edits: edits}
	text, err := written.encode()
	if err != nil {
		return nil, c, err
	}
	id, err := w.request.State.CarriedID(written.now(editEnv, EnvCertificate) != "")
	if err != nil {
		return nil, c, err
	}
	set(&c.after.Annotations, AnnotationInjected, text)
	set(&c.after.Annotations, AnnotationStateID, id)
	set(&c.after.Labels, LabelState, StateInjected)
	return c.after, c, nil
}

func anySame(e edit, edits []edit) bool {
	for _, next := range edits {
		if e.same(next) {
			return true
		}
	}
	return false
}

func (w *deploymentJob) takeOut(edits []edit) change {
	after := w.incoming.DeepCopy()
	ops := drop(after, w.record.Container, edits)
	before := after.DeepCopy()
	putBack(after, w.record.Container, edits)
	return change{before: before, after: after, ops: ops}
}

func set(values *map[string]string, key, value string) {
	if *values == nil {
		*values = map[string]string{}
	}
	(*values)[key] = value
}
