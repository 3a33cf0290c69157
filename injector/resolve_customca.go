package injector

// customCAs joins the sources in their order. A source that cannot be read
// whole is a fault: a CA that is silently missing is found in production.
func (r *resolver) customCAs() {
	var bundles []Bundle
	for _, s := range r.in.Options.CustomCA {
		if b, ok := r.bundle(s, ReasonCustomCAInvalid); ok {
			bundles = append(bundles, b)
		}
	}
	all := Union(bundles...)
	if all.Len() == 0 {
		return
	}
	pem := all.PEM()
	if len(pem) > MaxBundleBytes {
		r.add(r.option(AnnotationCustomCA).fault(ReasonCustomCAInvalid,
			"the CAs together have %d bytes, allowed are %d, what a ConfigMap can hold; name fewer", len(pem), MaxBundleBytes))
	}
	r.state.CustomCADir = r.customCADir()
	r.state.CustomCAConfigMap = CustomCAConfigMapName(all)
	r.out.CustomCA, r.out.CustomCAs = pem, all
}

// customCADir also holds a directory against a certificate directory that no
// annotation names.
func (r *resolver) customCADir() string {
	dir, certDir := r.in.Options.CustomCADir, r.in.Options.CertDir
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
