package injector

import "strings"

// maxCABytes bounds what verifies the certificate. While it changes, those of two
// generations are published together, as base64, in the state, of which a ConfigMap
// holds 1 MiB, and in the caBundle of each of KEDA's webhooks, of which etcd stores
// 1.5 MiB together: so six of them fit.
const maxCABytes = 96 << 10

// ca sets what verifies the certificate; false where it cannot be read. A
// Secret without ca.crt gives an empty one, which Prove refuses.
func (r *resolver) ca(proof *Proof, content Content) bool {
	if len(r.in.Options.CertificateCA) > 0 {
		if r.in.Offline && !content.Partial && len(content.Data[keyCA]) == 0 {
			r.add(fault(ReasonKeyMissing, proof.Object, dataField(keyCA), "the key is missing or empty, and pods mount this Secret itself; put the CA into it"))
		}
		ca, from, ok := r.explicitCA()
		proof.CA, proof.CAObject, proof.CAField = ca, from.object, from.field
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
func (r *resolver) explicitCA() (ca Bundle, from origin, ok bool) {
	sources := r.in.Options.CertificateCA
	var bundles []Bundle
	for _, s := range sources {
		if b, ok := r.bundle(s, ReasonCAInvalid); ok {
			bundles = append(bundles, b)
		}
	}
	from = r.option(AnnotationCertificateCA)
	if len(sources) == 1 && len(bundles) == 1 {
		key, _ := sources[0].bundleKey(r.namespace(), r.in.Contents[sources[0].Object()])
		from = origin{sources[0].Describe(r.namespace()), sources[0].field(key)}
	}
	ca = Union(bundles...)
	ok = len(bundles) == len(sources) && len(sources) > 0
	return ca, from, ok && r.fits(ca, from.object, from.field)
}

func (r *resolver) fits(ca Bundle, object, field string) bool {
	size := len(ca.PEM())
	if size <= maxCABytes {
		return true
	}
	r.add(fault(ReasonCAInvalid, object, field,
		"the %d CAs have %d bytes as PEM, allowed are %d, for they are copied into each caBundle; keep those that verify the certificate", ca.Len(), size, maxCABytes))
	return false
}

// setUnusedCA takes a CA whose certificate was not given.
func (r *resolver) setUnusedCA(p Proof) {
	r.add(proveCAAlone(p)...)
	r.setCA(p.CA)
}

func (r *resolver) setCA(ca Bundle) {
	r.out.CA = ca
	if ca.Len() > 0 {
		r.state.CABundle = ca.PEM()
	}
}
