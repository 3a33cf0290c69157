package injector

import "errors"

// certificate settles where the certificate is from and proves it. It is not
// decided where nothing is said and the operator is not visible yet.
func (r *resolver) certificate() bool {
	source, kedaIssues, known := r.in.Options.CertificateSource(r.in.Installation)
	switch {
	case !known:
		return r.undecided(kedaIssues)
	case kedaIssues:
		r.kedaIssued(source)
		return true
	}
	r.provided(source)
	return true
}

// undecided tells why it is not known where the certificate is from. Where
// KEDA does not issue and mounts no Secret, certificates stay as they are.
func (r *resolver) undecided(kedaIssues bool) bool {
	operator := r.in.Installation.Deployments[ComponentOperator]
	name := "name the certificate with the annotation " + AnnotationCertificate
	if r.in.Offline {
		name = "name the certificate with --certificate"
	}
	switch _, known := r.in.Installation.KEDAIssues(); {
	case operator == nil && r.in.Offline:
		return false // the report says what to give
	case operator == nil:
		r.add(r.option(AnnotationCertificate).warn(ReasonNotPublished,
			"is not set, and KEDA's operator, which tells who issues the certificate, is not there (yet); %s, or wait for the operator", name))
		return false
	case !known || kedaIssues:
		r.add(fault(ReasonCommandUnknown, describeDeployment(operator), "",
			"its command line does not tell whether KEDA issues the certificate, and into which Secret; %s", name))
		return false
	}
	r.add(warn(ReasonNotProven, describeDeployment(operator), "",
		"no Secret is mounted at its certificate directory, so certificates are left as they are; %s", name))
	return true
}

// kedaIssued takes what KEDA has published so far. Nothing about it is a
// fault: the operator creates the Secret, first empty, and only it can mend it.
func (r *resolver) kedaIssued(s Source) {
	r.state.KEDAIssues, r.state.CertificateSecret = true, s.Name
	if len(r.in.Options.CertificateCA) > 0 {
		r.add(r.option(AnnotationCertificateCA).warn(ReasonOptionInvalid, "has no meaning where KEDA issues the certificate: KEDA publishes its own CA"))
	}
	content, read := r.in.Contents[s]
	if f, ok := s.unread(r.namespace(), content, read); !ok {
		if errors.Is(content.Err, ErrForbidden) {
			f.Warning = true
			r.add(f)
		}
		return
	}
	pem := content.Data[keyCA]
	if len(pem) == 0 {
		return
	}
	ca, err := ParseBundle(pem)
	if err != nil {
		r.add(warn(ReasonCAInvalid, s.Describe(r.namespace()), dataField(keyCA), "%v; KEDA issues anew where the Secret is deleted", err))
		return
	}
	if size := len(ca.PEM()); size > maxCABytes {
		r.add(warn(ReasonCAInvalid, s.Describe(r.namespace()), dataField(keyCA),
			"the CAs have %d bytes as PEM, and caBundles are given at most %d; KEDA issues anew where the Secret is deleted", size, maxCABytes))
		return
	}
	r.setCA(ca)
}

// provided is a certificate that somebody else than KEDA issues.
func (r *resolver) provided(s Source) {
	content, read := r.in.Contents[s.Object()]
	secret := s.Name
	if s.Kind == SourceCertificate {
		secret = content.SecretName
	}
	r.checkRotation(s, secret)
	if !read && r.in.Offline {
		r.providedUnread(s)
		return
	}
	if f, ok := s.unread(r.namespace(), content, read); !ok {
		r.add(f)
		return
	}
	if secret == "" {
		r.add(fault(ReasonSourceMissing, s.Describe(r.namespace()), "spec.secretName", "names no Secret; name the one that its issuer fills"))
		return
	}
	r.state.CertificateSecret = PublishedSecret
	if r.in.Offline {
		r.state.CertificateSecret = secret
	}
	r.prove(Source{Kind: SourceSecret, Name: secret}.Describe(r.namespace()), content)
}

// providedUnread is the command line with a Secret that is only in the cluster.
func (r *resolver) providedUnread(s Source) {
	if s.Kind == SourceCertificate {
		r.add(fault(ReasonSourceMissing, s.Describe(r.namespace()), "", "it is not in the input, so its Secret is not known; name it as secret/NAME, or add the Certificate to the input"))
		return
	}
	r.state.CertificateSecret = s.Name
	r.add(warn(ReasonNotProven, s.Describe(r.namespace()), "", "its content was not given, so neither the certificate nor its names are proven"))
	if ca, from, ok := r.explicitCA(); ok {
		r.setUnusedCA(Proof{CA: ca, CAObject: from.object, CAField: from.field})
	}
}

// checkRotation refuses the Secret into which KEDA writes: a single write of
// the operator without injection, and KEDA would overwrite the user's key.
func (r *resolver) checkRotation(s Source, secret string) {
	issues, known := r.in.Installation.KEDAIssues()
	issued, _ := r.in.Installation.IssuedSecret()
	if r.in.Options.Certificate == nil || !known || !issues || secret == "" || secret != issued {
		return
	}
	r.add(r.option(AnnotationCertificate).fault(ReasonRotationOverride,
		"%q is the Secret %s that KEDA's operator writes (--cert-secret-name) while its manifest has --enable-cert-rotation=true; "+
			"use a Secret of another name, set that flag to false in the manifest, or name keda as certificate", s, secret))
}
