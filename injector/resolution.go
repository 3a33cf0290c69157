package injector

import (
	"crypto/sha256"
	"encoding/hex"
)

// WithCertificate is r with another certificate and CA than those that were
// resolved: what is published on the way from one certificate to the next.
func (r Resolution) WithCertificate(leaf Leaf, ca Bundle) (Resolution, error) {
	state := *r.State
	state.CABundle = ca.PEM()
	r.CA = ca
	r.setCertificate(&state, leaf, ca)
	r.State = &state
	return r, state.Seal()
}

// setCertificate makes leaf and ca what PublishedSecret is to hold.
func (r *Resolution) setCertificate(state *State, leaf Leaf, ca Bundle) {
	r.Leaf = leaf
	r.Secret = map[string][]byte{keyCert: leaf.CertPEM, keyKey: leaf.KeyPEM, keyCA: ca.PEM()}
	sum := sha256.New()
	sum.Write(leaf.CertPEM)
	sum.Write([]byte{0})
	sum.Write(r.Secret[keyCA])
	state.CertificateDigest = hex.EncodeToString(sum.Sum(nil)[:8])
}
