package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/kube"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// cluster is an API server without any controller, and a kubeconfig for it.
type cluster struct {
	client     kubernetes.Interface
	objects    dynamic.Interface
	kubeconfig string
}

func TestInstallingInACluster(t *testing.T) {
	c := newCluster(t)
	ctx := t.Context()

	wantError(t, c.install(t, Name, ""), "namespace keda, which kedaNamespaces names, does not exist")

	if err := c.install(t, Name, "createNamespaces: true"); err != nil {
		t.Fatalf("installing with createNamespaces: %v", err)
	}
	c.wantNamespace(t, "keda")

	// What keda-trust writes at run time is not Helm's to wipe.
	configurations := c.client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	configuration, err := configurations.Get(ctx, Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range configuration.Webhooks {
		configuration.Webhooks[i].ClientConfig.CABundle = []byte(aCertificate)
	}
	if _, err := configurations.Update(ctx, configuration, metav1.UpdateOptions{FieldManager: Name}); err != nil {
		t.Fatal(err)
	}
	if err := c.upgrade(t, "{createNamespaces: true, timeoutSeconds: 7}"); err != nil {
		t.Fatalf("upgrading: %v", err)
	}
	upgraded, err := configurations.Get(ctx, Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantUpgraded(t, upgraded)

	uninstall := action.NewUninstall(c.helm(t, Name))
	uninstall.WaitStrategy = kube.HookOnlyStrategy
	if _, err := uninstall.Run(Name); err != nil {
		t.Fatalf("uninstalling: %v", err)
	}
	c.wantNamespace(t, "keda")
}

func TestInstallingBesideKEDAIsRefusedAsTheAPIServiceTells(t *testing.T) {
	c := newCluster(t)
	apiService := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
		"metadata": map[string]any{"name": "v1beta1.external.metrics.k8s.io"},
		"spec": map[string]any{
			"group": "external.metrics.k8s.io", "version": "v1beta1", "insecureSkipTLSVerify": true,
			"groupPriorityMinimum": int64(100), "versionPriority": int64(100),
			"service": map[string]any{"namespace": "scaling", "name": "keda-operator-metrics-apiserver"},
		},
	}}
	resource := schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	if _, err := c.objects.Resource(resource).Create(t.Context(), apiService, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	wantError(t, c.install(t, "scaling", "createNamespaces: true"), "keda-trust cannot be installed in scaling, where APIService v1beta1.external.metrics.k8s.io says that KEDA runs")
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		t.Fatal("KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd: run these tests with make test, which finds or builds them")
	}
	environment := &envtest.Environment{BinaryAssetsDirectory: assets}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := cluster{kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	if err := os.WriteFile(c.kubeconfig, environment.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	if c.client, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if c.objects, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c cluster) helm(t *testing.T, namespace string) *action.Configuration {
	t.Helper()
	settings := cli.New()
	settings.KubeConfig = c.kubeconfig
	settings.SetNamespace(namespace)
	configuration := action.NewConfiguration()
	if err := configuration.Init(settings.RESTClientGetter(), namespace, "secret"); err != nil {
		t.Fatal(err)
	}
	return configuration
}

func (c cluster) install(t *testing.T, namespace, values string) error {
	t.Helper()
	install := action.NewInstall(c.helm(t, namespace))
	install.ReleaseName, install.Namespace, install.CreateNamespace = Name, namespace, true
	install.WaitStrategy = kube.HookOnlyStrategy
	chart, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = install.Run(chart, parsed(t, values))
	return err
}

func (c cluster) upgrade(t *testing.T, values string) error {
	t.Helper()
	upgrade := action.NewUpgrade(c.helm(t, Name))
	upgrade.Namespace, upgrade.WaitStrategy = Name, kube.HookOnlyStrategy
	chart, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = upgrade.Run(Name, chart, parsed(t, values))
	return err
}

func (c cluster) wantNamespace(t *testing.T, name string) {
	t.Helper()
	namespace, err := c.client.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if namespace.DeletionTimestamp != nil || namespace.Status.Phase != corev1.NamespaceActive {
		t.Errorf("Namespace %s is going away: %s", name, namespace.Status.Phase)
	}
}

func wantUpgraded(t *testing.T, configuration *admissionregistrationv1.MutatingWebhookConfiguration) {
	t.Helper()
	for _, webhook := range configuration.Webhooks {
		if probe := webhook.Name == "probe.keda-trust.io"; !probe && *webhook.TimeoutSeconds != 7 {
			t.Errorf("webhook %s has timeoutSeconds %d, so the upgrade did not reach it", webhook.Name, *webhook.TimeoutSeconds)
		}
		if string(webhook.ClientConfig.CABundle) != aCertificate {
			t.Errorf("webhook %s lost its caBundle in the upgrade", webhook.Name)
		}
	}
}

func wantError(t *testing.T, err error, sentence string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), sentence) {
		t.Errorf("got %v, want: %s", err, sentence)
	}
}

// aCertificate stands for what keda-trust writes; the API server takes no caBundle
// that holds none.
const aCertificate = `-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIUX2ijgh0IVpGrArHzDi7mzr1W2P8wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa2VkYS10cnVzdDAgFw0yNjExMjMxMTU3NDRaGA8yMTI2MTAz
MDExNTc0NFowFTETMBEGA1UEAwwKa2VkYS10cnVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABOdAmluEhBFY0H1VUpSjNHZt7/SOn3NLT7iEMUwzN5uSCoVEoQGe
490b4h9xKMm0KSJicLsfn50nrkhrLxphuACjUzBRMB0GA1UdDgQWBBTD2QvA+SPo
C6+dgJOs1jR3IX+cATAfBgNVHSMEGDAWgBTD2QvA+SPoC6+dgJOs1jR3IX+cATAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCW/4LJWrgQBpY70KMI
jXnoMMCoYTbYqm9RBCMAmMfdWgIgLfcDvWtkyU69egsrkkBft3pR7OO/dezCWX0t
QOT7a3k=
-----END CERTIFICATE-----
`
