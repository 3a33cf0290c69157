package injector

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"slices"
	"testing"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

// of gives a certificate an extension of so many bytes.
func of(size int) certtest.Edit {
	return func(template *x509.Certificate) {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 55555, 1}, Value: make([]byte, size)})
	}
}

func TestCAsOfACertificateThatWouldNotFitEverywhereAreRefused(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Ours")
	leaf := ca.Leaf(t, certtest.KEDANames("keda"))
	large := func() []byte { return certtest.NewCA(t, "Large", of(24<<10)).CertPEM }
	fits := slices.Concat(ca.CertPEM, large(), large())
	exceeds := slices.Concat(fits, large())
	source := Source{Kind: SourceConfigMap, Name: "roots"}
	resolve := func(secretCA, roots []byte, o Options) Resolution {
		return Resolve(ResolveInput{
			Options:      o,
			Installation: mustInstall(t, operatorWith()),
			Contents: Contents{
				mine:   {Data: tlsData(leaf, secretCA)},
				source: {Data: map[string][]byte{"ca.crt": roots}},
				{Kind: SourceSecret, Name: KEDACertSecret}: {Data: tlsData(leaf, secretCA)},
			},
			Now: certtest.Now,
		})
	}
	wantState(t, resolve(fits, nil, Options{Certificate: &mine}))
	wantRefused(t, resolve(exceeds, nil, Options{Certificate: &mine}), ReasonCAInvalid, "Secret keda/my-tls data[ca.crt]", "the 4 CAs have ", "allowed are 98304")
	annotated := Options{Certificate: &mine, CertificateCA: []Source{source}}
	wantState(t, resolve(nil, fits, annotated))
	wantRefused(t, resolve(nil, exceeds, annotated), ReasonCAInvalid, "ConfigMap keda/roots data[ca.crt]", "allowed are 98304")

	issued := resolve(exceeds, nil, Options{KEDAIssues: true})
	wantTold(t, issued.Findings, ReasonCAInvalid, "Secret keda/kedaorg-certs data[ca.crt]", "at most 98304")
	if state := wantState(t, issued); len(state.CABundle) > 0 {
		t.Errorf("what KEDA issued is published with %d bytes", len(state.CABundle))
	}
}

// What an API server stores is bounded: https://etcd.io/docs/v3.6/dev-guide/limit/.
func TestTwoGenerationsOfCAsFitWhereTheyArePublished(t *testing.T) {
	t.Parallel()
	const configMap, etcd, webhooks, rest = 1 << 20, 3 << 19, 6, 8 << 10
	encoded, err := State{CABundle: make([]byte, 2*maxCABytes)}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(encoded)+rest > configMap {
		t.Errorf("the state has %d bytes", len(encoded))
	}
	// An API server stores a caBundle as bytes; the patch that writes it is base64.
	if stored := webhooks*2*maxCABytes + rest; stored > etcd {
		t.Errorf("%d webhooks have %d bytes", webhooks, stored)
	}
	if sent := webhooks * base64.StdEncoding.EncodedLen(2*maxCABytes); sent > 3<<20 {
		t.Errorf("a patch of %d webhooks has %d bytes", webhooks, sent)
	}
}
