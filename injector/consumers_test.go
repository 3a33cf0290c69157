package injector

import (
	"encoding/json"
	"slices"
	"testing"

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

func TestWhatReadsItsCertificateOnceRestarts(t *testing.T) {
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
	optedOut := old(operator(), "2.16.1", "")
	optedOut.Labels = map[string]string{LabelInject: "disabled"}
	for name, c := range map[string]struct {
		deployments []*appsv1.Deployment
		want        map[Component]string
	}{
		"a new KEDA":                  {[]*appsv1.Deployment{old(operator(), "2.17.2", "one"), old(metricsAPIServer(), "2.21.0", "one")}, map[Component]string{}},
		"an old one":                  {[]*appsv1.Deployment{old(operator(), "2.16.1", "one"), old(metricsAPIServer(), "2.17.1", "two")}, map[Component]string{ComponentOperator: "one", ComponentMetricsAPIServer: "two"}},
		"its webhooks read again":     {[]*appsv1.Deployment{old(admissionWebhooks(), "2.10.0", "one")}, map[Component]string{}},
		"one that is not injected":    {[]*appsv1.Deployment{old(operator(), "2.16.1", "")}, map[Component]string{ComponentOperator: ""}},
		"one that opted out":          {[]*appsv1.Deployment{optedOut}, map[Component]string{}},
		"a component of another kind": {[]*appsv1.Deployment{{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{}}}}, map[Component]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, _ := NewInstallation("keda", c.deployments, nil, nil)
			got := i.Restarting()
			if len(got) != len(c.want) {
				t.Errorf("restarting %v, want %v", got, c.want)
			}
			for _, r := range got {
				if want, found := c.want[r.Component]; !found || r.Digest != want {
					t.Errorf("%s restarts with digest %q, want %v", r.Component, r.Digest, c.want)
				}
			}
		})
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
