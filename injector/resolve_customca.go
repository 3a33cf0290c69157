package injector

// customCAs joins the sources in their order. A source that cannot be read
// whole is a fault: a CA that is silently missing is found in production.
func (r *resolver) customCAs() {
	before := len(r.out.Findings)
	wanted := CustomCAs{Dir: r.in.Options.CustomCADir, CAs: r.namedCAs()}
	if refused := r.out.Findings[before:]; len(Faults(refused)) > 0 && r.in.Published != nil {
		r.tolerate(refused)
		wanted = *r.in.Published
	}
	if wanted.CAs.Len() == 0 {
		return
	}
	r.state.CustomCADir = r.customCADir(wanted.Dir)
	r.state.CustomCAConfigMap = CustomCAConfigMapName(wanted.CAs)
	r.out.CustomCA, r.out.CustomCAs = wanted.CAs.PEM(), wanted.CAs
}

// namedCAs are those of all sources. What they are together is of no account where
// one of them is refused.
func (r *resolver) namedCAs() Bundle {
	var bundles []Bundle
	for _, s := range r.in.Options.CustomCA {
		if b, ok := r.bundle(s, ReasonCustomCAInvalid); ok {
			bundles = append(bundles, b)
		}
	}
	all := Union(bundles...)
	if size := len(all.PEM()); size > MaxBundleBytes {
		r.add(r.option(AnnotationCustomCA).fault(ReasonCustomCAInvalid,
			"the CAs together have %d bytes, allowed are %d, what a ConfigMap can hold; name fewer", size, MaxBundleBytes))
	}
	return all
}

// tolerate goes on without what is refused, and says so where that is told.
func (r *resolver) tolerate(refused []Finding) {
	for i, f := range refused {
		if !f.Warning {
			refused[i].Message += "; until that is mended the custom CAs stay as they were published"
			r.tolerated++
		}
	}
}

// customCADir also holds a directory against a certificate directory that no
// annotation names.
func (r *resolver) customCADir(dir string) string {
	certDir := r.in.Options.CertDir
	if dir == "" {
		dir = DefaultCustomCADir
	}
	if operator, ok := r.in.Installation.part(ComponentOperator); ok && certDir == "" {
		certDir = certDirInUse(ComponentOperator, operator.container)
	}
	if certDir != "" && overlap(dir, certDir) {
		key := AnnotationCustomCADir
		if r.in.Options.CustomCADir == "" && r.in.Options.CertDir != "" {
			key = AnnotationCertDir // the other is the default
		}
		r.add(r.option(key).fault(ReasonOptionInvalid,
			"the custom CA directory %q and the certificate directory %q lie in one another; want two directories", dir, certDir))
	}
	return dir
}
