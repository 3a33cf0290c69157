package injector

import "slices"

// settle ends what needs no look at the caBundle. What was injected before another
// owner came is taken out all the same, where that is asked for.
func (j *job) settle(findings []Finding, labels, annotations map[string]string) (Result, bool) {
	owner, owned := bundleOwner(annotations)
	findings = slices.Concat(findings, j.labelFaults(labels))
	switch {
	case j.request.Mode == ModeUnmanaged:
		return j.left(ReasonPassedThrough), true
	case len(findings) > 0:
		j.tell(findings)
		return j.because(findings, nil), true
	case owned && (!j.injected || !j.taken(labels)):
		f := warn(ReasonBundleElsewhere, j.object(), "caBundle", "is filled by %s, and left to it", owner)
		j.tell([]Finding{f})
		j.report.Message = f.Text()
		return j.left(ReasonBundleElsewhere), true
	}
	return Result{}, false
}

// withoutBundle leaves an object as it came, and tells why there is no caBundle
// for it.
func (j *job) withoutBundle() Result {
	j.tell(j.request.Findings)
	if faults := Faults(j.request.Findings); len(faults) > 0 {
		return j.because(faults, nil)
	}
	state := j.request.State
	switch {
	case state == nil:
		return j.left(j.unpublished())
	case state.KEDAIssues:
		if j.request.Unpatched != "" {
			j.report.Message = "KEDA issues the certificate itself, but with " + j.request.Unpatched +
				" does not fill in the caBundle; the object is left as it was: fill it in once KEDA has issued, or take that flag away"
		}
		return j.left(ReasonKEDAIssues)
	case j.request.Offline && state.CertificateSecret != "":
		return j.left(ReasonCANotGiven)
	}
	return j.left(ReasonNothingToDo) // certificates stay as they are
}

// taken tells whether what was injected is to be taken out, or why nothing is
// injected that is not published.
func (j *job) taken(labels map[string]string) bool {
	switch {
	case labels[LabelInject] == string(ModeDisabled):
		j.report.Reason = ReasonOptedOut
	case j.request.Mode == ModeDisabled:
		j.report.Reason = ReasonUninjected
		if !j.injected {
			j.report.Reason = ReasonNothingToDo
		}
	default:
		j.report.Reason = ReasonInjected
		return false
	}
	return true
}

// finishBundle is the difference, of which audit only tells what it would do.
func (j *job) finishBundle(before, after any, would []string) Result {
	ops, err := difference(before, after)
	if err != nil {
		return j.unreadable(err)
	}
	j.tell(j.request.Findings)
	if j.request.Mode == ModeAudit {
		j.audit(would...)
		return j.left(ReasonAudit)
	}
	return j.done(j.report.Reason, j.report.Injected, ops)
}
