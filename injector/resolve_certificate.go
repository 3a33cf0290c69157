package injector

import (
	"crypto/x509"
	"errors"
	"strings"
)

// maxCABytes bounds what verifies the certificate: it is published in the
// state as base64, in the Secret beside the chain, and in each caBundle.
const maxCABytes = MaxBundleBytes / 2

// certificate settles where the certificate is from and proves it. It is not
// decided where nothing is said and the operator is not visible yet.
func (r *resolver) certificate() bool {
	source, kedaIssues, known := r.in.Options.certificateSource(r.in.Installation)
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
	const name = "name the certificate with the annotation " + AnnotationCertificate
	switch _, known := r.in.Installation.KEDAIssues(); {
	case operator == nil:
		r.add(warn(ReasonNotPublished, r.namespaceObject(), annotationField(AnnotationCertificate),
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
	f, ok := s.unread(r.namespace(), content, read)
	if !ok {
		r.add(f)
		return
	}
	r.state.CertificateSecret = PublishedSecret
	if r.in.Offline {
		r.state.CertificateSecret = secret
	}
	object := s.Describe(r.namespace())
	if s.Kind == SourceCertificate {
		object = Source{Kind: SourceSecret, Name: secret}.Describe(r.namespace())
	}
	r.prove(object, content)
}

// providedUnread is the command line with a Secret that is only in the cluster.
func (r *resolver) providedUnread(s Source) {
	if s.Kind == SourceCertificate {
		r.add(fault(ReasonSourceMissing, s.Describe(r.namespace()), "", "it is not in the input, so its Secret is not known; name it as secret/NAME, or add the Certificate to the input"))
		return
	}
	r.state.CertificateSecret = s.Name
	r.notProven(s, "its content was not given, so neither the certificate nor its names are proven")
	if ca, _, ok := r.explicitCA(); ok {
		r.setCA(ca)
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
	r.add(fault(ReasonRotationOverride, r.namespaceObject(), annotationField(AnnotationCertificate),
		"%q is the Secret %s that KEDA's operator writes (--cert-secret-name) while its manifest has --enable-cert-rotation=true; "+
			"use a Secret of another name, set that flag to false in the manifest, or set the annotation to keda", s, secret))
}

// prove holds the certificate against everything that will verify it.
func (r *resolver) prove(object string, content Content) {
	leaf, complete := r.leaf(object, content)
	proof := Proof{Object: object, Leaf: leaf, Names: r.in.Installation.ServiceNames(), Now: r.in.Now}
	ok := r.ca(&proof, content)
	if !ok {
		return
	}
	if leaf.Certificate() == nil {
		r.setCA(proof.CA)
		return
	}
	if proof.CA.Len() == 0 && r.in.Offline {
		r.add(warn(ReasonNotProven, object, dataField(keyCA), "no CA was given, so what verifies the certificate is not proven"))
		return
	}
	r.add(Prove(proof)...)
	r.checkBundleOwners(proof)
	r.revisit(leaf.Certificate())
	r.setCA(proof.CA)
	if complete && !r.in.Offline {
		r.out.Secret = map[string][]byte{keyCert: leaf.CertPEM, keyKey: leaf.KeyPEM, keyCA: proof.CA.PEM()}
	}
}

// leaf reads tls.crt and tls.key. On the command line the key may be missing.
func (r *resolver) leaf(object string, content Content) (Leaf, bool) {
	certPEM, keyPEM := content.Data[keyCert], content.Data[keyKey]
	if r.in.Offline && len(keyPEM) == 0 {
		return r.leafWithoutKey(object, certPEM), false
	}
	missing := false
	for _, key := range []string{keyCert, keyKey} {
		if len(content.Data[key]) == 0 {
			missing = true
			r.add(fault(ReasonKeyMissing, object, dataField(key), "the key is missing or empty; want the chain in %s and its private key in %s", keyCert, keyKey))
		}
	}
	if missing {
		return Leaf{}, false
	}
	leaf, err := ParseLeaf(certPEM, keyPEM)
	if err == nil {
		return leaf, true
	}
	var broken *LeafError
	if errors.As(err, &broken) {
		r.add(broken.Finding(object))
		return Leaf{}, false
	}
	r.add(fault(ReasonLeafInvalid, object, "", "%v", err))
	return Leaf{}, false
}

func (r *resolver) leafWithoutKey(object string, certPEM []byte) Leaf {
	if len(certPEM) == 0 {
		r.add(warn(ReasonNotProven, object, dataField(keyCert), "no certificate was given, so it is not proven"))
		return Leaf{}
	}
	chain, err := parseCertificates(certPEM, "certificate", MaxLeafBytes, maxLeafRSABits)
	if err != nil {
		r.add(fault(ReasonLeafInvalid, object, dataField(keyCert), "%v", err))
		return Leaf{}
	}
	r.add(warn(ReasonNotProven, object, dataField(keyKey), "no private key was given, so it is not proven that it matches"))
	return Leaf{CertPEM: encodeCertificates(chain), Chain: chain}
}

// ca sets what verifies the certificate; false where it cannot be read. A
// Secret without ca.crt gives an empty one, which Prove refuses.
func (r *resolver) ca(proof *Proof, content Content) bool {
	if len(r.in.Options.CertificateCA) > 0 {
		ca, from, ok := r.explicitCA()
		proof.CA, proof.CAObject, proof.CAField = ca, from.Object, from.Field
		return ok
	}
	pem := content.Data[keyCA]
	if len(strings.TrimSpace(string(pem))) == 0 {
		return true
	}
	ca, err := ParseBundle(pem)
	if err != nil {
		r.add(fault(ReasonCAInvalid, proof.Object, dataField(keyCA), "%v", err))
		return false
	}
	proof.CA = ca
	return r.fits(ca, proof.Object, dataField(keyCA))
}

// explicitCA joins the sources of the annotation certificate-ca, and says what
// to name where they turn out to be wrong: the one source, or the annotation.
func (r *resolver) explicitCA() (ca Bundle, from Finding, ok bool) {
	sources := r.in.Options.CertificateCA
	var bundles []Bundle
	for _, s := range sources {
		if b, ok := r.bundle(s, ReasonCAInvalid); ok {
			bundles = append(bundles, b)
		}
	}
	from = Finding{Object: r.namespaceObject(), Field: annotationField(AnnotationCertificateCA)}
	if len(sources) == 1 && len(bundles) == 1 {
		key, _ := sources[0].bundleKey(r.namespace(), r.in.Contents[sources[0].Object()])
		from = Finding{Object: sources[0].Describe(r.namespace()), Field: sources[0].field(key)}
	}
	ca = Union(bundles...)
	ok = len(bundles) == len(sources) && len(sources) > 0
	return ca, from, ok && r.fits(ca, from.Object, from.Field)
}

func (r *resolver) fits(ca Bundle, object, field string) bool {
	size := len(ca.PEM())
	if size <= maxCABytes {
		return true
	}
	r.add(fault(ReasonCAInvalid, object, field, "the CAs have %d bytes, allowed are %d; keep those that verify the certificate", size, maxCABytes))
	return false
}

func (r *resolver) setCA(ca Bundle) {
	r.out.CA = ca
	if ca.Len() > 0 {
		r.state.CABundle = ca.PEM()
	}
}

func (r *resolver) revisit(leaf *x509.Certificate) {
	switch {
	case r.in.Now.Before(leaf.NotBefore):
		r.out.Revisit = leaf.NotBefore
	case !r.in.Now.After(leaf.NotAfter):
		r.out.Revisit = leaf.NotAfter
	}
}
