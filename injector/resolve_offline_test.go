package injector

import (
	"bytes"
	"maps"
	"testing"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

// offline resolves a certificate that is not KEDA's as the command line does.
func offline(t *testing.T, o Options, c Contents) Resolution {
	t.Helper()
	if o.Certificate == nil {
		o.Certificate = &mine
	}
	return Resolve(ResolveInput{Options: o, Installation: mustInstall(t, operatorWith()), Contents: c, Now: certtest.Now, Offline: true})
}

func TestResolveOfflineProvesWhatIsGiven(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Ours")
	leaf := ca.Leaf(t, certtest.KEDANames("keda"))
	t.Run("nothing is given", func(t *testing.T) {
		r := offline(t, Options{}, nil)
		if state := wantState(t, r); state.CertificateSecret != "my-tls" || r.Secret != nil {
			t.Errorf("state is %+v", state)
		}
		wantTold(t, r.Findings, ReasonNotProven, "Secret keda/my-tls")
	})
	t.Run("a CA is given", func(t *testing.T) {
		state := wantState(t, offline(t, Options{}, Contents{mine: {Partial: true, Data: map[string][]byte{"ca.crt": ca.CertPEM}}}))
		if !bytes.Equal(state.CABundle, ca.CertPEM) {
			t.Error("the CA is not used")
		}
	})
	t.Run("a certificate without its key and CA is given", func(t *testing.T) {
		r := offline(t, Options{}, Contents{mine: {Partial: true, Data: map[string][]byte{"tls.crt": leaf.CertPEM}}})
		if state := wantState(t, r); state.CABundle != nil {
			t.Errorf("state is %+v", state)
		}
		wantTold(t, r.Findings, ReasonNotProven, "data[tls.key]")
		wantTold(t, r.Findings, ReasonNotProven, "data[ca.crt]")
	})
	t.Run("the whole Secret is given", func(t *testing.T) {
		r := offline(t, Options{}, Contents{mine: {Data: tlsData(leaf, ca.CertPEM)}})
		if wantState(t, r); len(r.Findings) > 0 || r.Secret != nil {
			t.Errorf("findings %v", r.Findings)
		}
	})
}

func TestResolveOfflineRefuses(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Ours")
	leaf := ca.Leaf(t, certtest.KEDANames("keda"))
	whole := tlsData(leaf, ca.CertPEM)
	without := func(key string) Content {
		data := maps.Clone(whole)
		delete(data, key)
		return Content{Data: data}
	}
	file := Source{Kind: SourceFile, Name: "ca.pem"}
	certificate := Source{Kind: SourceCertificate, Name: "my-cert"}
	given := func(pem []byte) Content { return Content{Data: map[string][]byte{"ca.crt": pem}} }
	cases := map[string]struct {
		options  Options
		contents Contents
		reason   Reason
		text     string
	}{
		"a certificate for other names": {
			Options{}, Contents{mine: {Partial: true, Data: map[string][]byte{"tls.crt": ca.Leaf(t, []string{"x.example"}).CertPEM, "ca.crt": ca.CertPEM}}},
			ReasonNamesMissing, "x.example",
		},
		"a Secret without its key": {Options{}, Contents{mine: without("tls.key")}, ReasonKeyMissing, "data[tls.key]"},
		"a Secret without a CA":    {Options{}, Contents{mine: without("ca.crt")}, ReasonCAMissing, "data[ca.crt]"},
		"a Secret without a CA, which pods mount, beside a file that has it": {
			Options{CertificateCA: []Source{file}}, Contents{mine: without("ca.crt"), file: given(ca.CertPEM)}, ReasonKeyMissing, "pods mount this Secret itself",
		},
		"a file of a CA that is none": {
			Options{CertificateCA: []Source{file}}, Contents{file: given(leaf.CertPEM)}, ReasonCANotCA, "file ca.pem: ",
		},
		"a file of a CA that is empty": {
			Options{CertificateCA: []Source{file}}, Contents{file: given(nil)}, ReasonCAInvalid, "file ca.pem: ",
		},
		"a file of a CA that does not verify": {
			Options{CertificateCA: []Source{file}}, Contents{mine: {Data: whole}, file: given(certtest.NewCA(t, "Other").CertPEM)}, ReasonCAUnverified, "file ca.pem: ",
		},
		"custom CAs that are not in the input": {Options{CustomCA: []Source{{Kind: SourceConfigMap, Name: "corp"}}}, nil, ReasonSourceMissing, "--custom-ca-file"},
		"a Certificate that is not in the input": {
			Options{Certificate: &certificate}, nil, ReasonSourceMissing, "secret/NAME",
		},
		"a Certificate that names no Secret": {Options{Certificate: &certificate}, Contents{certificate: {}}, ReasonSourceMissing, "spec.secretName"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefused(t, offline(t, c.options, c.contents), c.reason, c.text)
		})
	}
}

func TestResolveTellsThatACertificateCAHasNoMeaningWhereKEDAIssues(t *testing.T) {
	t.Parallel()
	i := operatorAnnotated(AnnotationCertificateCA, "secret/x")
	options, findings := i.Options()
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	r := Resolve(ResolveInput{Options: options, Installation: i, Contents: Contents{}, Now: certtest.Now})
	wantState(t, r)
	wantTold(t, r.Findings, ReasonOptionInvalid, "Deployment keda/keda-operator annotations["+AnnotationCertificateCA+"]", "has no meaning")
}
