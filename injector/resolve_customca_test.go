package injector

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

func TestResolveCustomCAFaults(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Corp")
	source := Source{Kind: SourceConfigMap, Name: "corp"}
	data := func(pem []byte) Content { return Content{Data: map[string][]byte{"ca.crt": pem}} }
	cases := map[string]struct {
		content Content
		reason  Reason
		text    string
	}{
		"a private key":              {data(slices.Concat(ca.CertPEM, ca.KeyPEM)), ReasonCustomCAInvalid, "is a private key"},
		"a truncated PEM":            {data(ca.CertPEM[:len(ca.CertPEM)/2]), ReasonCustomCAInvalid, "data[ca.crt]"},
		"an empty one":               {data(nil), ReasonCustomCAInvalid, "data[ca.crt]"},
		"DER":                        {data(ca.Cert.Raw), ReasonCustomCAInvalid, "DER"},
		"more than 1 MiB":            {data(bytes.Repeat([]byte("# comment\n"), 110000)), ReasonCustomCAInvalid, "bytes"},
		"no such ConfigMap":          {Content{Err: ErrNotFound}, ReasonSourceMissing, "ConfigMap keda/corp"},
		"other keys than ca.crt":     {Content{Data: map[string][]byte{"a.pem": ca.CertPEM, "b.pem": ca.CertPEM}}, ReasonKeyMissing, "it has a.pem, b.pem"},
		"a kind that is not served":  {Content{Err: ErrNotServed}, ReasonSourceMissing, "not served"},
		"a source that was not read": {Content{Err: ErrForbidden}, ReasonSourceForbidden, "ConfigMap keda/corp"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefused(t, custom(t, source, c.content), c.reason, c.text)
		})
	}
}

func TestResolveDoesNotTellASecretsOtherKeys(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Corp")
	r := custom(t, Source{Kind: SourceSecret, Name: "corp"}, Content{Data: map[string][]byte{"one.pem": ca.CertPEM, "two.pem": ca.CertPEM}})
	wantRefused(t, r, ReasonKeyMissing, "secret/corp/KEY")
	if text := r.Findings[0].String(); strings.Contains(text, "one.pem") {
		t.Errorf("%q names a key that was not asked for", text)
	}
}

func TestResolveCustomCAs(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Corp")
	old := certtest.NewCA(t, "Old", certtest.Between(certtest.Now.Add(-48*time.Hour), certtest.Now.Add(-24*time.Hour)))
	leaf := ca.Leaf(t, []string{"x.example"})
	source := Source{Kind: SourceConfigMap, Name: "corp"}
	pem := slices.Concat([]byte("\xef\xbb\xbf# our root\r\n"), bytes.ReplaceAll(ca.CertPEM, []byte("\n"), []byte("\r\n")), old.CertPEM, leaf.CertPEM)
	r := custom(t, source, Content{Data: map[string][]byte{"only.pem": pem}})
	state := wantState(t, r)
	if state.CustomCAConfigMap != CustomCAConfigMapName(r.CustomCAs) || state.CustomCADir != DefaultCustomCADir || r.CustomCAs.Len() != 3 {
		t.Errorf("state is %+v with %d CAs", state, r.CustomCAs.Len())
	}
	wantTold(t, r.Findings, ReasonCustomCAWarning, "ConfigMap keda/corp data[only.pem]", "expired at")
	wantTold(t, r.Findings, ReasonCustomCAWarning, "neither a CA nor self-signed")
	clean := custom(t, source, Content{Data: map[string][]byte{"ca.crt": slices.Concat(ca.CertPEM, old.CertPEM, leaf.CertPEM)}})
	if wantState(t, clean).ID != state.ID {
		t.Error("comments, line ends and the key change the state")
	}
	if bytes.Contains(r.CustomCA, []byte("our root")) {
		t.Error("more than certificates is published")
	}
}

func TestResolveGoesOnWithTheCustomCAsThatStand(t *testing.T) {
	t.Parallel()
	corp, old := certtest.NewCA(t, "Corp"), certtest.NewCA(t, "Old")
	standing, err := ParseBundle(old.CertPEM)
	if err != nil {
		t.Fatal(err)
	}
	good, missing := Source{Kind: SourceConfigMap, Name: "corp"}, Source{Kind: SourceConfigMap, Name: "typo"}
	certificate := certtest.NewCA(t, "KEDA")
	in := ResolveInput{
		Options:      Options{Certificate: &mine, CustomCA: []Source{good, missing}, CustomCADir: "/elsewhere"},
		Installation: mustInstall(t, operatorWith()),
		Contents: Contents{
			mine:    {Data: tlsData(certificate.Leaf(t, certtest.KEDANames("keda")), certificate.CertPEM)},
			good:    {Data: map[string][]byte{"ca.crt": corp.CertPEM}},
			missing: {Err: ErrNotFound},
		},
		Now: certtest.Now,
	}
	wantRefused(t, Resolve(in), ReasonSourceMissing, "ConfigMap keda/typo")

	in.Published = &CustomCAs{Dir: "/custom/ca", CAs: standing}
	r := Resolve(in)
	if r.State == nil || r.State.CustomCAConfigMap != CustomCAConfigMapName(standing) || r.State.CustomCADir != "/custom/ca" ||
		!r.CustomCAs.Equal(standing) || !bytes.Equal(r.CustomCA, old.CertPEM) || r.Secret == nil {
		t.Errorf("custom CAs do not stay beside a certificate that goes on: %+v", r.State)
	}
	wantTold(t, Faults(r.Findings), ReasonSourceMissing, "ConfigMap keda/typo", "the custom CAs stay as they were published")

	in.Published = &CustomCAs{}
	if r := Resolve(in); r.State == nil || r.State.CustomCAConfigMap != "" || r.State.CustomCADir != "" {
		t.Errorf("none do not stay none: %+v", r.State)
	}

	in.Options.CertDir = "/custom"
	in.Published = &CustomCAs{Dir: "/custom/ca", CAs: standing}
	wantRefused(t, Resolve(in), ReasonOptionInvalid, "/custom/ca", "lie in one another")
	in.Options.CertDir = ""

	in.Contents[mine] = Content{Err: ErrNotFound}
	wantRefused(t, Resolve(in), ReasonSourceMissing, "Secret keda/my-tls")
}
