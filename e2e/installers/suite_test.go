package installers

import (
	"context"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

// patience bounds each wait for something that takes well below a second.
const patience = 30 * time.Second

// plainNamespace has no label, so what is created there shows what the API
// server alone makes of a manifest.
const plainNamespace = "plain"

var (
	dir     string // what the journeys write
	cluster *local.Cluster
	product *trust
	tools   struct{ helm3, helm4, kubectl string }
)

func TestInstallers(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd: run these journeys with make test, which finds or builds them")
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "Whoever installs KEDA")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	ctrl.SetLogger(GinkgoLogr)
	dir = GinkgoT().TempDir()
	build(ctx)
	var err error
	cluster, err = local.StartCluster()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(cluster.Stop()).To(Succeed()) })
	Expect(cluster.WriteKubeconfig(filepath.Join(dir, "kubeconfig"), "admin", "system:masters")).To(Succeed())
	writeReleases(ctx)
	prepare(ctx)
	product.install(ctx)
	product.start(ctx)
	DeferCleanup(product.stop)
})

// build compiles the real tools and the real keda-trust.
func build(ctx context.Context) {
	GinkgoHelper()
	tools.helm3 = built(ctx, "helm.sh/helm/v3/cmd/helm")
	tools.helm4 = built(ctx, "helm.sh/helm/v4/cmd/helm")
	tools.kubectl = built(ctx, "github.com/keda-trust/keda-trust/e2e/installers/kubectl")
	product = &trust{binary: filepath.Join(dir, "keda-trust"), log: filepath.Join(dir, "keda-trust.log"), kubeconfig: filepath.Join(dir, "keda-trust.kubeconfig")}
	run(ctx, "go", "build", "-C", "../..", "-o", product.binary, "./cmd/keda-trust")
}

// built is the path of a tool of this module, which Go keeps in its cache.
func built(ctx context.Context, tool string) string {
	GinkgoHelper()
	return strings.TrimSpace(run(ctx, "go", "tool", "-n", tool))
}

// run does what a person types and returns what they would read.
func run(ctx context.Context, name string, args ...string) string {
	GinkgoHelper()
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(),
		"KUBECONFIG="+filepath.Join(dir, "kubeconfig"),
		"HELM_CACHE_HOME="+filepath.Join(dir, "helm-cache"),
		"HELM_CONFIG_HOME="+filepath.Join(dir, "helm-config"),
		"HELM_DATA_HOME="+filepath.Join(dir, "helm-data"),
	)
	var complaints strings.Builder
	command.Stderr = &complaints
	out, err := command.Output()
	Expect(err).NotTo(HaveOccurred(), "%s %s\n%s%s", filepath.Base(name), strings.Join(args, " "), out, &complaints)
	return string(out)
}

// prepare makes the Namespaces and what a platform team names in annotations.
func prepare(ctx context.Context) {
	GinkgoHelper()
	ca := certtest.NewCA(GinkgoTB(), "Example Internal CA", valid)
	leaf := ca.Leaf(GinkgoTB(), certtest.KEDANames(injector.DefaultKEDANamespace), valid)
	roots := certtest.NewCA(GinkgoTB(), "Example Corporate Root", valid)
	meta := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	apply(ctx, "Namespace", &corev1.Namespace{ObjectMeta: meta("", plainNamespace)})
	apply(ctx, "Namespace", &corev1.Namespace{ObjectMeta: meta("", injector.DefaultKEDANamespace)})
	apply(ctx, "Secret", &corev1.Secret{
		ObjectMeta: meta(injector.DefaultKEDANamespace, "keda-tls"),
		Type:       corev1.SecretTypeTLS,
		Data:       map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": ca.CertPEM},
	})
	apply(ctx, "ConfigMap", &corev1.ConfigMap{
		ObjectMeta: meta(injector.DefaultKEDANamespace, "corp-roots"),
		Data:       map[string]string{"ca.crt": string(roots.CertPEM)},
	})
}

// valid holds around the wall clock, by which the real keda-trust judges.
func valid(template *x509.Certificate) {
	certtest.Between(time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))(template)
}

func apply(ctx context.Context, kind string, object runtime.Object) {
	GinkgoHelper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	Expect(err).NotTo(HaveOccurred())
	applied := &unstructured.Unstructured{Object: content}
	applied.SetAPIVersion("v1")
	applied.SetKind(kind)
	unstructured.RemoveNestedField(applied.Object, "metadata", "creationTimestamp")
	_, err = cluster.Apply(ctx, applied)
	Expect(err).NotTo(HaveOccurred())
}
