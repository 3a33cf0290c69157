package injector

import (
	"crypto/x509"
	"errors"
)

// prove holds the certificate against everything that will verify it.
func (r *resolver) prove(object string, content Content) {
	leaf, complete := r.leaf(object, content)
	proof := Proof{Object: object, Leaf: leaf, Names: r.in.Installation.ServiceNames(), Now: r.in.Now}
	if !r.ca(&proof, content) {
		return
	}
	if leaf.Certificate() == nil {
		r.setUnusedCA(proof)
		return
	}
	if proof.CA.Len() == 0 && content.Partial {
		r.add(warn(ReasonNotProven, object, dataField(keyCA), "no CA was given, so what verifies the certificate is not proven"))
		return
	}
	r.add(Prove(proof)...)
	r.checkBundleOwners(proof)
	r.revisit(leaf.Certificate())
	r.setCA(proof.CA)
	if complete && !r.in.Offline {
		r.out.setCertificate(&r.state, leaf, proof.CA)
	}
}

// leaf reads tls.crt and tls.key, which may be missing where not all of the
// Secret is known.
func (r *resolver) leaf(object string, content Content) (Leaf, bool) {
	certPEM, keyPEM := content.Data[keyCert], content.Data[keyKey]
	if content.Partial && len(keyPEM) == 0 {
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

func (r *resolver) revisit(leaf *x509.Certificate) {
	switch {
	case r.in.Now.Before(leaf.NotBefore):
		r.out.Revisit = leaf.NotBefore
	case !r.in.Now.After(leaf.NotAfter):
		r.out.Revisit = leaf.NotAfter
	}
}
