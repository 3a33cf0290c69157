package injector

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

func TestCABundlesAreThoseThatAreOursToFill(t *testing.T) {
	t.Parallel()
	cainjector := metav1.ObjectMeta{Annotations: map[string]string{"cert-manager.io/inject-ca-from": "keda/ca"}}
	optedOut := metav1.ObjectMeta{Labels: map[string]string{LabelInject: "disabled"}}
	for name, c := range map[string]struct {
		api, vwc metav1.ObjectMeta
		want     []string
	}{
		"both":                 {metav1.ObjectMeta{}, metav1.ObjectMeta{}, []string{"spec.caBundle", "webhooks[ours].clientConfig.caBundle"}},
		"another fills one":    {cainjector, metav1.ObjectMeta{}, []string{"webhooks[ours].clientConfig.caBundle"}},
		"one opted out":        {metav1.ObjectMeta{}, optedOut, []string{"spec.caBundle"}},
		"neither":              {optedOut, cainjector, nil},
		"a switch that is off": {metav1.ObjectMeta{Annotations: map[string]string{"service.beta.openshift.io/inject-cabundle": "false"}}, optedOut, []string{"spec.caBundle"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &apiregistrationv1.APIService{ObjectMeta: c.api, Spec: apiregistrationv1.APIServiceSpec{Service: &apiregistrationv1.ServiceReference{Namespace: "keda", Name: "m"}}}
			hook := func(name, namespace string) admissionregistrationv1.ValidatingWebhook {
				return admissionregistrationv1.ValidatingWebhook{Name: name, ClientConfig: admissionregistrationv1.WebhookClientConfig{
					Service: &admissionregistrationv1.ServiceReference{Namespace: namespace, Name: "w"},
				}}
			}
			byURL := admissionregistrationv1.ValidatingWebhook{Name: "by-url"}
			vwc := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: c.vwc,
				Webhooks: []admissionregistrationv1.ValidatingWebhook{hook("ours", "keda"), hook("theirs", "elsewhere"), byURL}}
			i, _ := NewInstallation("keda", nil, api, vwc)
			var got []string
			for _, b := range i.CABundles() {
				got = append(got, b.Field)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("caBundles %v, want %v", got, c.want)
			}
		})
	}
}

func TestACABundleIsAsOldAsOurLastWriteOfIt(t *testing.T) {
	t.Parallel()
	at := func(minute int) *metav1.Time {
		return &metav1.Time{Time: time.Date(2026, 11, 1, 12, minute, 0, 0, time.UTC)}
	}
	api := &apiregistrationv1.APIService{Spec: apiregistrationv1.APIServiceSpec{Service: &apiregistrationv1.ServiceReference{Namespace: "keda", Name: "m"}}}
	i, _ := NewInstallation("keda", nil, api, nil)
	if got := i.CABundles()[0].Written; !got.IsZero() {
		t.Errorf("written at %s, want never", got)
	}
	api.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: Name, Time: at(1)}, {Manager: Name, Time: at(3)}, {Manager: Name, Time: at(2)}, {Manager: Name}, {Manager: "helm", Time: at(9)}}
	if got := i.CABundles()[0].Written; !got.Equal(at(3).Time) {
		t.Errorf("written at %s, want %s", got, at(3))
	}
}

func TestADeploymentMountsWhatItsTemplateShows(t *testing.T) {
	t.Parallel()
	old := func(d *appsv1.Deployment, version, digest string) *appsv1.Deployment {
		c := &d.Spec.Template.Spec.Containers[0]
		c.Image = "ghcr.io/kedacore/" + d.Name + ":" + version
		if digest == "" {
			return d
		}
		d.APIVersion, d.Kind = "apps/v1", "Deployment"
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ = injectedOnce(t, raw, nil, sealed(t, State{CertificateSecret: PublishedSecret, CertificateDigest: digest, CABundle: []byte("x")}))
		out := &appsv1.Deployment{}
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	handMade := withSecret(old(operator("--cert-dir=/tls"), "2.21.0", ""), PublishedSecret, "/certs")
	apart := withSecret(withSecret(metricsAPIServer("--cert-dir=/peer", "--tls-cert-file=/https/tls.crt"), PublishedSecret, "/https"), "theirs", "/peer")
	for name, c := range map[string]struct {
		deployment *appsv1.Deployment
		want       Mounting
	}{
		"a new KEDA":                        {old(operator(), "2.17.2", "one"), Mounting{Component: ComponentOperator, Published: true}},
		"an old one":                        {old(metricsAPIServer(), "2.17.1", "two"), Mounting{Component: ComponentMetricsAPIServer, Published: true, ReadsOnce: true, Digest: "two"}},
		"its webhooks read again":           {old(admissionWebhooks(), "2.10.0", "one"), Mounting{Component: ComponentAdmissionWebhooks, Published: true}},
		"an old one that is not injected":   {old(operator(), "2.16.1", ""), Mounting{Component: ComponentOperator, ReadsOnce: true}},
		"a new one that is not injected":    {withSecret(old(operator(), "2.21.0", ""), KEDACertSecret, DefaultCertDir), Mounting{Component: ComponentOperator}},
		"one that mounts it somewhere else": {handMade, Mounting{Component: ComponentOperator}},
		"one whose peers see another":       {old(apart, "2.21.0", ""), Mounting{Component: ComponentMetricsAPIServer}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, _ := NewInstallation("keda", []*appsv1.Deployment{c.deployment}, nil, nil)
			c.want.Deployment = c.deployment
			if got := i.Mountings(); len(got) != 1 || got[0] != c.want {
				t.Errorf("mountings %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestWhatOptedOutMountsNothingOfOurs(t *testing.T) {
	t.Parallel()
	optedOut := operator()
	optedOut.Labels = map[string]string{LabelInject: "disabled"}
	other := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{}}}
	i, _ := NewInstallation("keda", []*appsv1.Deployment{optedOut, other, metricsAPIServer()}, nil, nil)
	got := i.Mountings()
	if len(got) != 1 || got[0].Component != ComponentMetricsAPIServer {
		t.Errorf("mountings %+v, want that of the metrics-apiserver", got)
	}
	if !i.OptedOut(ComponentOperator) || i.OptedOut(ComponentMetricsAPIServer) || i.OptedOut(ComponentAdmissionWebhooks) {
		t.Error("want the operator to have opted out, and no other")
	}
}

func TestVerifyingAreTheCertificatesThatDoByThemselves(t *testing.T) {
	t.Parallel()
	root, other := certtest.NewCA(t, "Root"), certtest.NewCA(t, "Other")
	expired := certtest.NewCA(t, "Expired", certtest.Between(certtest.Now.AddDate(-2, 0, 0), certtest.Now.AddDate(-1, 0, 0)))
	intermediate := root.Intermediate(t, "Intermediate")
	leafOf := func(ca certtest.CA, chain ...certtest.CA) Leaf {
		pair := ca.Leaf(t, certtest.KEDANames("keda"))
		pem := pair.CertPEM
		for _, c := range chain {
			pem = append(pem, c.CertPEM...)
		}
		leaf, err := ParseLeaf(pem, pair.KeyPEM)
		if err != nil {
			t.Fatal(err)
		}
		return leaf
	}
	all := bundleOfCAs(t, root, other, intermediate, expired)
	for name, c := range map[string]struct {
		leaf Leaf
		want Bundle
	}{
		"its own root":                             {leafOf(root), bundleOfCAs(t, root)},
		"both ends of a chain that is sent":        {leafOf(intermediate, intermediate), bundleOfCAs(t, root, intermediate)},
		"only the near end of one that is not":     {leafOf(intermediate), bundleOfCAs(t, intermediate)},
		"none that has ended":                      {leafOf(expired), Bundle{}},
		"none for a certificate that is not there": {Leaf{}, Bundle{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := all.Verifying(c.leaf, certtest.Now); !got.Equal(c.want) {
				t.Errorf("%d certificates verify it, want %d", got.Len(), c.want.Len())
			}
		})
	}
	if rest := all.Without(bundleOfCAs(t, intermediate, root)); !rest.Equal(bundleOfCAs(t, other, expired)) {
		t.Errorf("%d certificates are left, want the two others in their order", rest.Len())
	}
}

func bundleOfCAs(t *testing.T, cas ...certtest.CA) Bundle {
	t.Helper()
	var pem []byte
	for _, ca := range cas {
		pem = append(pem, ca.CertPEM...)
	}
	b, err := ParseBundle(pem)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
