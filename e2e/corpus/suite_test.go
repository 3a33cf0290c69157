package corpus

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// patience bounds each wait for something that takes well below a second.
const patience = 30 * time.Second

const (
	// otherNamespace is that of a variant; no manifest is written for it.
	otherNamespace = "scaling"
	// plainNamespace never has a label, so what is created there shows what the
	// API server alone makes of a manifest.
	plainNamespace = "plain"
)

// namespaces are those in which the manifests install KEDA.
var namespaces = []string{injector.DefaultKEDANamespace, "openshift-keda", otherNamespace}

var (
	dir     string // what the tests write
	binary  string // the real keda-trust
	cluster *local.Cluster
	server  *local.Server
)

func TestCorpus(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd: run these tests with make test, which finds or builds them")
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "Manifests of KEDA")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	ctrl.SetLogger(GinkgoLogr)
	dir = GinkgoT().TempDir()
	binary = filepath.Join(dir, "keda-trust")
	run(ctx, "go", "build", "-C", "../..", "-o", binary, "./cmd/keda-trust")
	makeAuthorities()
	var err error
	cluster, err = local.StartCluster()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(cluster.Stop()).To(Succeed()) })
	prepare(ctx)
	serve(ctx)
})

// serve installs keda-trust from its chart, granted every namespace, and starts
// it as a process.
func serve(ctx context.Context) {
	GinkgoHelper()
	helm := strings.TrimSpace(run(ctx, "go", "tool", "-n", "helm.sh/helm/v4/cmd/helm"))
	rendered := run(ctx, helm, "template", injector.Name, "../../manifests/chart", "--namespace="+injector.Name,
		"--set=namespace.create=true", "--set=kedaNamespaces={"+strings.Join(namespaces, ",")+"}")
	manifest, kubeconfig := write("keda-trust.yaml", rendered), filepath.Join(dir, "keda-trust.kubeconfig")
	port, err := local.FreePort()
	Expect(err).NotTo(HaveOccurred())
	_, err = cluster.Install(ctx, manifest, port)
	Expect(err).NotTo(HaveOccurred())
	Expect(cluster.WriteAccount(kubeconfig)).To(Succeed())
	server, err = local.StartServer(ctx, local.ServerOptions{
		Binary: binary, Kubeconfig: kubeconfig, Log: filepath.Join(dir, "keda-trust.log"), WebhookPort: port, KEDANamespaces: namespaces,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(server.Stop()).To(Succeed()) })
}

var _ = JustAfterEach(func() {
	if CurrentSpecReport().Failed() {
		AddReportEntry("keda-trust's log", server.LastWords())
	}
})

// run does what a person types and returns what they would read.
func run(ctx context.Context, name string, args ...string) string {
	GinkgoHelper()
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+dir, "HELM_CONFIG_HOME="+dir, "HELM_DATA_HOME="+dir)
	var complaints strings.Builder
	command.Stderr = &complaints
	out, err := command.Output()
	Expect(err).NotTo(HaveOccurred(), "%s %s\n%s%s", filepath.Base(name), strings.Join(args, " "), out, &complaints)
	return string(out)
}

// write makes a file that the tests read, and returns its path.
func write(name, content string) string {
	GinkgoHelper()
	path := filepath.Join(dir, name)
	Expect(os.WriteFile(path, []byte(content), 0o600)).To(Succeed())
	return path
}

// applyNew makes an object of v1 out of its fields beside metadata.
func applyNew(ctx context.Context, kind, namespace, name string, fields map[string]any) {
	GinkgoHelper()
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind}}
	for key, value := range fields {
		object.Object[key] = value
	}
	object.SetNamespace(namespace)
	object.SetName(name)
	_, err := cluster.Apply(ctx, object)
	Expect(err).NotTo(HaveOccurred())
}
