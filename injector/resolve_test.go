package injector

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

var mine = Source{Kind: SourceSecret, Name: "my-tls"}

// operatorWith is KEDA's operator as its release manifests have it.
func operatorWith(args ...string) *appsv1.Deployment {
	d := withSecret(operator(args...), KEDACertSecret, DefaultCertDir)
	d.Spec.Template.Spec.Containers[0].Image = "ghcr.io/kedacore/keda:2.21.0"
	return d
}

func tlsData(leaf certtest.Pair, ca []byte) map[string][]byte {
	return map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": ca}
}

// custom resolves one source of custom CAs beside KEDA's own certificate.
func custom(t *testing.T, s Source, c Content) Resolution {
	t.Helper()
	return Resolve(ResolveInput{
		Options:      Options{KEDAIssues: true, CustomCA: []Source{s}},
		Installation: mustInstall(t, operatorWith("--enable-cert-rotation=true")),
		Contents:     Contents{s.Object(): c},
		Now:          certtest.Now,
	})
}

func wantRefused(t *testing.T, r Resolution, reason Reason, texts ...string) {
	t.Helper()
	if r.State != nil || r.Secret != nil || r.CustomCA != nil {
		t.Errorf("something would be published: %+v", r.State)
	}
	wantTold(t, Faults(r.Findings), reason, texts...)
}

func wantTold(t *testing.T, findings []Finding, reason Reason, texts ...string) {
	t.Helper()
	for _, f := range findings {
		missing := slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(f.String(), text) })
		if f.Reason == reason && !missing {
			return
		}
	}
	t.Errorf("no finding %s with %q in %v", reason, texts, findings)
}

func wantState(t *testing.T, r Resolution) State {
	t.Helper()
	if r.State == nil {
		t.Fatalf("nothing is resolved: %v", r.Findings)
	}
	return *r.State
}

func TestResolvePublishesWhatIsProven(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Ours")
	leaf := ca.Leaf(t, certtest.KEDANames("keda"))
	in := ResolveInput{
		Options:      Options{Certificate: &mine, CertDir: "/tls"},
		Installation: mustInstall(t, operatorWith("--enable-cert-rotation=true")),
		Contents:     Contents{mine: {Data: tlsData(leaf, ca.CertPEM)}},
		Now:          certtest.Now,
	}
	r := Resolve(in)
	state := wantState(t, r)
	if state.CertificateSecret != PublishedSecret || state.KEDAIssues || state.CertDir != "/tls" {
		t.Errorf("state is %+v", state)
	}
	if !bytes.Equal(state.CABundle, ca.CertPEM) || !bytes.Equal(r.Secret["ca.crt"], ca.CertPEM) || len(r.Secret) != 3 {
		t.Errorf("the CA is not published as given")
	}
	if !r.Revisit.Equal(leaf.Cert.NotAfter) {
		t.Errorf("looks again at %s, want the certificate's end %s", r.Revisit, leaf.Cert.NotAfter)
	}
	if again := wantState(t, Resolve(in)); again.ID != state.ID {
		t.Errorf("the same input gives the IDs %s and %s", state.ID, again.ID)
	}
}

func TestResolveCertificateFaults(t *testing.T) {
	t.Parallel()
	ca, other := certtest.NewCA(t, "Ours"), certtest.NewCA(t, "Other")
	names := certtest.KEDANames("keda")
	leaf := ca.Leaf(t, names)
	day := 24 * time.Hour
	mismatched := tlsData(leaf, ca.CertPEM)
	mismatched["tls.key"] = ca.Leaf(t, names).KeyPEM
	noKey := tlsData(leaf, ca.CertPEM)
	delete(noKey, "tls.key")
	cases := map[string]struct {
		content Content
		reason  Reason
		texts   []string
	}{
		"a Secret that does not exist":   {Content{Err: ErrNotFound}, ReasonSourceMissing, []string{"Secret keda/my-tls", "not found"}},
		"a Secret that may not be read":  {Content{Err: ErrForbidden}, ReasonSourceForbidden, []string{"Secret keda/my-tls", "sourceSecrets"}},
		"a Secret without a key":         {Content{Data: noKey}, ReasonKeyMissing, []string{"Secret keda/my-tls data[tls.key]"}},
		"a Secret without ca.crt":        {Content{Data: tlsData(leaf, nil)}, ReasonCAMissing, []string{"data[ca.crt]", AnnotationCertificateCA}},
		"a ca.crt that is no PEM":        {Content{Data: tlsData(leaf, []byte("x"))}, ReasonCAInvalid, []string{"data[ca.crt]"}},
		"a key of another certificate":   {Content{Data: mismatched}, ReasonKeyMismatch, []string{"data[tls.key]"}},
		"a certificate for other names":  {Content{Data: tlsData(ca.Leaf(t, []string{"x.example"}), ca.CertPEM)}, ReasonNamesMissing, []string{"x.example", "keda-operator.keda.svc"}},
		"a certificate for serving only": {Content{Data: tlsData(ca.Leaf(t, names, certtest.For(x509.ExtKeyUsageServerAuth)), ca.CertPEM)}, ReasonUsageMissing, []string{"client auth"}},
		"an expired certificate": {
			Content{Data: tlsData(ca.Leaf(t, names, certtest.Between(certtest.Now.Add(-2*day), certtest.Now.Add(-day))), ca.CertPEM)}, ReasonLeafExpired, []string{"expired at"},
		},
		"a certificate that is not valid yet": {
			Content{Data: tlsData(ca.Leaf(t, names, certtest.Between(certtest.Now.Add(day), certtest.Now.Add(2*day))), ca.CertPEM)}, ReasonLeafNotYetValid, []string{"not valid before"},
		},
		"a leaf given as CA":                  {Content{Data: tlsData(leaf, leaf.CertPEM)}, ReasonCANotCA, []string{"is not a CA"}},
		"a CA that does not verify the leaf":  {Content{Data: tlsData(leaf, other.CertPEM)}, ReasonCAUnverified, []string{"does not verify"}},
		"a Secret that is gone while reading": {Content{Err: errors.New("connection refused")}, ReasonSourceMissing, []string{"connection refused"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Resolve(ResolveInput{
				Options:      Options{Certificate: &mine},
				Installation: mustInstall(t, operatorWith("--enable-cert-rotation=true")),
				Contents:     Contents{mine: c.content},
				Now:          certtest.Now,
			})
			wantRefused(t, r, c.reason, c.texts...)
		})
	}
}

func TestResolveAsInstalled(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Ours")
	issued := Source{Kind: SourceSecret, Name: "kedaorg-certs"}
	filled := Content{Data: tlsData(ca.Leaf(t, certtest.KEDANames("keda")), ca.CertPEM)}
	resolve := func(o Options, i Installation, c Content) Resolution {
		return Resolve(ResolveInput{Options: o, Installation: i, Contents: Contents{issued: c}, Now: certtest.Now})
	}
	on, off := mustInstall(t, operatorWith("--enable-cert-rotation=true")), mustInstall(t, operatorWith())
	t.Run("KEDA issues, and has not yet", func(t *testing.T) {
		t.Parallel()
		state := wantState(t, resolve(Options{}, on, Content{Err: ErrNotFound}))
		if !state.KEDAIssues || state.CertificateSecret != "kedaorg-certs" || state.CABundle != nil {
			t.Errorf("state is %+v", state)
		}
	})
	t.Run("KEDA issues, and has", func(t *testing.T) {
		t.Parallel()
		r := resolve(Options{}, on, filled)
		if state := wantState(t, r); !bytes.Equal(state.CABundle, ca.CertPEM) || r.Secret != nil {
			t.Errorf("state is %+v", state)
		}
	})
	t.Run("somebody else fills the Secret", func(t *testing.T) {
		t.Parallel()
		r := resolve(Options{}, off, filled)
		if state := wantState(t, r); state.KEDAIssues || state.CertificateSecret != PublishedSecret || r.Secret == nil {
			t.Errorf("state is %+v", state)
		}
	})
	t.Run("the operator is not there", func(t *testing.T) {
		t.Parallel()
		r := resolve(Options{}, mustInstall(t), filled)
		if r.State != nil || len(Faults(r.Findings)) > 0 {
			t.Errorf("decided without the operator: %+v, %v", r.State, r.Findings)
		}
		wantTold(t, r.Findings, ReasonNotPublished, "Namespace keda")
	})
	t.Run("the operator's command is not understood", func(t *testing.T) {
		t.Parallel()
		wantRefused(t, resolve(Options{}, mustInstall(t, operatorWith("--enable-cert-rotation=$(ROTATE)")), filled), ReasonCommandUnknown, "Deployment keda/keda-operator")
	})
	t.Run("KEDA would overwrite the Secret that is named", func(t *testing.T) {
		t.Parallel()
		wantRefused(t, resolve(Options{Certificate: &issued}, on, filled), ReasonRotationOverride, "secret/kedaorg-certs", "--enable-cert-rotation=true")
		wantState(t, resolve(Options{Certificate: &issued}, off, filled))
	})
}

func TestResolveStandsBackForABundleOfSomebodyElse(t *testing.T) {
	t.Parallel()
	ca, other := certtest.NewCA(t, "Ours"), certtest.NewCA(t, "Other")
	resolve := func(bundle []byte) Resolution {
		i := mustInstall(t, operatorWith())
		i.APIService = &apiregistrationv1.APIService{
			ObjectMeta: metav1.ObjectMeta{Name: KEDAAPIService, Annotations: map[string]string{"cert-manager.io/inject-ca-from": "keda/x"}},
			Spec: apiregistrationv1.APIServiceSpec{
				CABundle: bundle, Service: &apiregistrationv1.ServiceReference{Namespace: "keda", Name: "keda-metrics-apiserver"},
			},
		}
		leaf := ca.Leaf(t, certtest.KEDANames("keda"))
		return Resolve(ResolveInput{
			Options: Options{Certificate: &mine}, Installation: i, Contents: Contents{mine: {Data: tlsData(leaf, ca.CertPEM)}}, Now: certtest.Now,
		})
	}
	wantState(t, resolve(ca.CertPEM))
	wantRefused(t, resolve(other.CertPEM), ReasonBundleElsewhere, "APIService "+KEDAAPIService, "cainjector")
	wantRefused(t, resolve(nil), ReasonBundleElsewhere)
}

func TestALeafIsOvertakenWhereSomebodyElsesBundleNoLongerVerifiesIt(t *testing.T) {
	t.Parallel()
	ca, next := certtest.NewCA(t, "Ours"), certtest.NewCA(t, "Next")
	pair := ca.Leaf(t, certtest.KEDANames("keda"))
	leaf, err := ParseLeaf(pair.CertPEM, pair.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	owned := map[string]string{"cert-manager.io/inject-ca-from": "keda/x"}
	for name, c := range map[string]struct {
		annotations map[string]string
		bundle      []byte
		want        string
	}{
		"it holds its CA":           {owned, ca.CertPEM, ""},
		"it holds both":             {owned, append(bytes.Clone(next.CertPEM), ca.CertPEM...), ""},
		"it holds the next only":    {owned, next.CertPEM, "APIService " + KEDAAPIService + " spec.caBundle, which cert-manager's cainjector fills"},
		"it is ours, to be carried": {nil, next.CertPEM, ""},
	} {
		i := mustInstall(t, operatorWith())
		i.APIService = &apiregistrationv1.APIService{
			ObjectMeta: metav1.ObjectMeta{Name: KEDAAPIService, Annotations: c.annotations},
			Spec: apiregistrationv1.APIServiceSpec{
				CABundle: c.bundle, Service: &apiregistrationv1.ServiceReference{Namespace: "keda", Name: "keda-metrics-apiserver"},
			},
		}
		if got := i.Overtaken(leaf, certtest.Now); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestResolveTellsOfAWebhookConfigurationThatItMayNotWrite(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Ours")
	contents := Contents{mine: {Data: tlsData(ca.Leaf(t, certtest.KEDANames("keda")), ca.CertPEM)}}
	told := func(o Options, offline bool, args ...string) string {
		r := Resolve(ResolveInput{Options: o, Installation: mustInstall(t, operatorWith(args...)), Contents: contents, Now: certtest.Now, Offline: offline})
		wantState(t, r)
		for _, f := range r.Findings {
			if f.Reason == ReasonBundleNotGranted {
				return f.Text()
			}
		}
		return ""
	}
	provided, renamed := Options{Certificate: &mine}, "--validating-webhook-name=acme-admission"
	if got := told(provided, false, renamed); !strings.HasPrefix(got, "ValidatingWebhookConfiguration acme-admission clientConfig.caBundle: ") || !strings.Contains(got, KEDAValidatingWebhook) {
		t.Errorf("told %q", got)
	}
	for name, got := range map[string]string{
		"the usual name":      told(provided, false),
		"a KEDA that issues":  told(Options{KEDAIssues: true}, false, renamed),
		"a command line":      told(provided, true, renamed),
		"a name not known":    told(provided, false, "--validating-webhook-name=$(NAME)"),
		"the usual name said": told(provided, false, "--validating-webhook-name="+KEDAValidatingWebhook),
	} {
		if got != "" {
			t.Errorf("%s: told %q, want nothing", name, got)
		}
	}
}

func TestResolveRefusesWhatItPublishes(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Corp")
	r := custom(t, Source{Kind: SourceConfigMap, Name: PublishedCAPrefix + "0123456789"}, Content{Data: map[string][]byte{PublishedCAKey: ca.CertPEM}})
	wantRefused(t, r, ReasonOptionInvalid, AnnotationCustomCA, "keda-trust publishes")
}

func TestObjectsAreReadOnce(t *testing.T) {
	t.Parallel()
	o := Options{
		Certificate:   &mine,
		CertificateCA: []Source{{Kind: SourceSecret, Name: "my-tls", Key: "root.pem"}},
		CustomCA:      []Source{{Kind: SourceConfigMap, Name: "corp", Key: "a"}, {Kind: SourceConfigMap, Name: "corp", Key: "b"}},
	}
	want := []Source{mine, {Kind: SourceConfigMap, Name: "corp"}}
	if got := o.Objects(mustInstall(t)); !slices.Equal(got, want) {
		t.Errorf("reads %v, want %v", got, want)
	}
}
