package injector

// components refuses a certificate that one of the components that are there
// could not be given: it would be left with one that the others, and whoever
// has the caBundle, no longer trust. Where KEDA issues, what is mounted as
// installed is the same certificate, and nothing is lost by a conflict.
func (r *resolver) components() {
	if r.state.CertificateSecret == "" || r.state.KEDAIssues {
		return
	}
	// What is mounted as installed is what the caBundle was made for.
	if unfilled := r.unfilledBundle(); unfilled != "" && len(r.state.CABundle) == 0 && r.in.Options.Certificate != nil {
		s := Source{Kind: SourceSecret, Name: r.state.CertificateSecret}
		r.add(fault(ReasonCAMissing, s.Describe(r.namespace()), dataField(keyCA),
			"was not given, and without it %s would no longer be verified; give --ca-bundle FILE, or add the Secret with its ca.crt to the input", unfilled))
	}
	for _, component := range components {
		d := r.in.Installation.Deployments[component]
		if d == nil || d.Labels[LabelInject] == string(ModeDisabled) {
			continue
		}
		base := restored(d).DeepCopy() // plan may write to it
		recognised := Recognise(base)
		if recognised.Component != component {
			continue
		}
		_, conflicts := plan(base, recognised, &r.state)
		r.add(Faults(conflicts)...)
	}
}
