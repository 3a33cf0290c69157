package manifests_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	clientfeatures "k8s.io/client-go/features"
	clientfeaturestesting "k8s.io/client-go/features/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

// journey tells these requests from those of other tests.
const journey = "uses-its-rights"

// A right that nothing uses is one too many, and one that is missing is found by
// whoever installs. So all of keda-trust runs through everything that it does, and
// the API server's audit log is held against install.yaml, in both directions:
// whoever grants another right has to make this journey use it. And what is told is
// stored somewhere, most of all where it is that rights are missing.
func TestKedaTrustRunsWithItsRightsAndUsesAllOfThem(t *testing.T) {
	needCluster(t)
	rights, err := granted()
	if err != nil {
		t.Fatal(err)
	}
	const unlisted, roleless = "unlisted", "roleless"
	serveCertificates(t)
	for _, name := range []string{keda, unlisted, roleless} {
		label(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, map[string]string{
			injector.AnnotationCertificate: "secret/source",
			injector.AnnotationCustomCA:    "configmap/source, certificate/corp, clustertrustbundle/corp",
		})
	}
	// An API server that does not stream lists, as Kubernetes 1.30, is asked to list.
	clientfeaturestesting.SetFeatureDuringTest(t, clientfeatures.WatchListClient, false)
	var ahead atomic.Int64
	runAsKedaTrust(t, journey, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, keda, roleless)
	for _, e := range []storedEvent{
		{keda, keda, "SourceMissing", "ConfigMap keda/source"},
		{unlisted, metav1.NamespaceDefault, "NamespaceNotGranted", `"unlisted" in the chart's value kedaNamespaces`},
		{mistypedNamespace, metav1.NamespaceDefault, "OptionInvalid", `"on"`},
		{roleless, metav1.NamespaceDefault, "NamespaceNotGranted", "lacks a right that its chart grants"},
	} {
		wantEvent(t, e)
	}
	first, second := certtest.NewCA(t, "First"), certtest.NewCA(t, "Second")
	giveSources(t, first)
	installOperator(t)
	wantPublished(t, first)
	fightOver(t, kedaWebhooks(t), first)
	wantPublished(t, second)
	registerMetrics(t)
	// What nothing names any more is deleted after ten minutes.
	ahead.Store(int64(11 * time.Minute))
	touchSource(t)
	rotateServingCA(t)

	var all []asked
	complete := func(context.Context) (bool, error) {
		all, err = askedBy(journey)
		return len(unused(rights, all)) == 0, err
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, patience, true, complete); err != nil {
		t.Errorf("granted and never used (%v):\n%s", err, strings.Join(unused(rights, all), "\n"))
	}
	if refused := forbidden(all, roleless); len(refused) > 0 {
		t.Errorf("needed and not granted:\n%s", strings.Join(refused, "\n"))
	}
	// With the chart value sourceSecrets only these can be read.
	read := named(all, keda, "secrets", "get", "list", "watch")
	if want := []string{"corp", injector.PublishedSecret, "source"}; !slices.Equal(read, want) {
		t.Errorf("Secrets %q were read, want %q", read, want)
	}
}

// serveCertificates installs cert-manager's kind, until the test ends.
func serveCertificates(t *testing.T) {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager").Output()
	if err != nil {
		t.Fatal(err)
	}
	o := envtest.CRDInstallOptions{Paths: []string{filepath.Join(strings.TrimSpace(string(dir)), "deploy", "crds", "cert-manager.io_certificates.yaml")}, ErrorIfPathMissing: true}
	if _, err := envtest.InstallCRDs(config, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := envtest.UninstallCRDs(config, o); err != nil {
			t.Error(err)
		}
	})
}

// giveSources makes the sources of custom CAs beside those of wantPublished.
func giveSources(t *testing.T, ca certtest.CA) {
	t.Helper()
	certificate := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"secretName": "corp", "issuerRef": map[string]any{"name": "corp"}}}}
	certificate.SetGroupVersionKind(schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"})
	certificate.SetNamespace(keda)
	certificate.SetName("corp")
	served, err := admin.RESTMapper().RESTMapping(schema.GroupKind{Group: "certificates.k8s.io", Kind: "ClusterTrustBundle"})
	if err != nil {
		t.Fatal(err)
	}
	bundle := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"trustBundle": string(ca.CertPEM)}}}
	bundle.SetGroupVersionKind(served.GroupVersionKind)
	bundle.SetName("corp")
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: keda, Name: "corp"}, Data: map[string][]byte{"ca.crt": ca.CertPEM}}
	for _, source := range []client.Object{certificate, bundle, secret} {
		if err := admin.Create(t.Context(), source); err != nil {
			t.Fatal(err)
		}
		removeAfter(t, source)
	}
}

// installOperator makes what is nudged, and waited for in a rotation: its template
// has what admission, which nobody answers here, would give it.
func installOperator(t *testing.T) {
	t.Helper()
	labels := map[string]string{"app": "keda-operator"}
	operator := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: keda, Name: "keda-operator"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{{
						Name: "keda-operator", Image: "ghcr.io/kedacore/keda:2.21.0", Command: []string{"/keda"},
						VolumeMounts: []corev1.VolumeMount{{Name: "certificates", MountPath: injector.DefaultCertDir}},
					}},
					Volumes: []corev1.Volume{{Name: "certificates", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: injector.PublishedSecret}}}},
				},
			},
		},
	}
	create(t, operator)
}

// registerMetrics makes the APIService, which is nudged in vain: here nobody answers
// the API server, and a rotation would wait for its caBundle.
func registerMetrics(t *testing.T) {
	t.Helper()
	api := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"group": "external.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": int64(100), "versionPriority": int64(100),
		"service": map[string]any{"namespace": keda, "name": "keda-metrics-apiserver"}, "insecureSkipTLSVerify": true,
	}}}
	api.SetAPIVersion("apiregistration.k8s.io/v1")
	api.SetKind("APIService")
	api.SetName(injector.KEDAAPIService)
	create(t, api)
}

// touchSource has keda-trust look at the namespace.
func touchSource(t *testing.T) {
	t.Helper()
	source := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: keda, Name: "source"}}
	if err := admin.Patch(t.Context(), source, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"touched":"true"}}}`))); err != nil {
		t.Fatal(err)
	}
}

// create makes what is there until the test ends.
func create(t *testing.T, object client.Object) {
	t.Helper()
	if err := admin.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	removeAfter(t, object)
}

// kedaWebhooks are KEDA's, as it is released.
func kedaWebhooks(t *testing.T) *admissionregistrationv1.ValidatingWebhookConfiguration {
	t.Helper()
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: injector.KEDAValidatingWebhook},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "vscaledobject.kb.io", AdmissionReviewVersions: []string{"v1"},
			SideEffects:   new(admissionregistrationv1.SideEffectClassNone),
			FailurePolicy: new(admissionregistrationv1.Ignore),
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				Service: &admissionregistrationv1.ServiceReference{Namespace: keda, Name: "keda-admission-webhooks"},
			},
		}},
	}
	if err := admin.Create(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	removeAfter(t, v)
	return v
}

// fightOver replaces the caBundle as another writer does, whenever it is the one
// of ca, as often as it is put back at once: an Event that comes again is patched.
func fightOver(t *testing.T, v *admissionregistrationv1.ValidatingWebhookConfiguration, ca certtest.CA) {
	t.Helper()
	for range 3 {
		wantBundle(t, v, ca)
		before := v.DeepCopy()
		v.Webhooks[0].ClientConfig.CABundle = nil
		if err := admin.Patch(t.Context(), v, client.MergeFrom(before), client.FieldOwner("somebody")); err != nil {
			t.Fatal(err)
		}
	}
	wantBundle(t, v, ca)
}

func wantBundle(t *testing.T, v *admissionregistrationv1.ValidatingWebhookConfiguration, ca certtest.CA) {
	t.Helper()
	written := func(ctx context.Context) (bool, error) {
		err := admin.Get(ctx, client.ObjectKeyFromObject(v), v)
		return err == nil && string(v.Webhooks[0].ClientConfig.CABundle) == string(ca.CertPEM), err
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, written); err != nil {
		t.Fatalf("waiting for the caBundle of %s: %v", ca.Cert.Subject, err)
	}
}

// rotateServingCA asks for another CA of the webhook's own certificate.
func rotateServingCA(t *testing.T) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: injector.ServingSecret}}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, injector.AnnotationRotate, t.Name())
	if err := admin.Patch(t.Context(), secret, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
}
