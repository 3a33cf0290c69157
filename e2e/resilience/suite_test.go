package resilience

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

const (
	namespace = injector.DefaultKEDANamespace
	// source is the Secret that the Namespace names.
	source = "keda-tls"
	// patience bounds a rotation, which takes some ten seconds: at each of its two
	// gates pods are looked at every five.
	patience = 2 * time.Minute
)

var (
	dir, binary string
	cluster     *local.Cluster
	// direct is an administrator's, past every gateway.
	direct client.Client
	// account is keda-trust's own.
	account *rest.Config
	// port is where the API server calls keda-trust.
	port    int
	pods    []*pod
	current issued
)

func TestResilience(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd: run these journeys with make test, which finds or builds them")
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "A rotation that is disturbed")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	ctrl.SetLogger(GinkgoLogr)
	dir = GinkgoT().TempDir()
	binary = filepath.Join(dir, injector.Name)
	said, err := exec.CommandContext(ctx, "go", "build", "-C", "../..", "-o", binary, "./cmd/keda-trust").CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(said))
	cluster, err = local.StartCluster()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(cluster.Stop()).To(Succeed()) })
	direct = connect()
	prepare(ctx)
	port, err = local.FreePort()
	Expect(err).NotTo(HaveOccurred())
	_, err = cluster.Install(ctx, "../../"+local.Manifest, port)
	Expect(err).NotTo(HaveOccurred())
	path := filepath.Join(dir, "account")
	Expect(cluster.WriteAccount(path)).To(Succeed())
	account, err = clientcmd.BuildConfigFromFlags("", path)
	Expect(err).NotTo(HaveOccurred())
	first := newReplica("first", port).start(ctx)
	installKEDA(ctx)
	settles(ctx, current)
	first.stop()
})

func connect() client.Client {
	GinkgoHelper()
	path := filepath.Join(dir, "administrator")
	Expect(cluster.WriteKubeconfig(path, "administrator", "system:masters")).To(Succeed())
	config, err := clientcmd.BuildConfigFromFlags("", path)
	Expect(err).NotTo(HaveOccurred())
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{} // of endpoints by name
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, coordinationv1.AddToScheme, discoveryv1.AddToScheme, admissionregistrationv1.AddToScheme, apiregistrationv1.AddToScheme,
	} {
		Expect(add(scheme)).To(Succeed())
	}
	made, err := client.New(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	return made
}

// prepare makes the Namespace and what a platform team names in its annotations.
func prepare(ctx context.Context) {
	GinkgoHelper()
	labels := map[string]string{injector.LabelInject: string(injector.ModeEnabled)}
	Expect(cluster.ApplyNamespace(ctx, namespace, labels, map[string]string{
		injector.AnnotationCertificate: "secret/" + source, injector.AnnotationCustomCA: "configmap/corp-roots",
	})).To(Succeed())
	Expect(direct.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "corp-roots"},
		Data:       map[string]string{"ca.crt": string(certtest.NewCA(GinkgoTB(), "Corp Root").CertPEM)},
	})).To(Succeed())
	current = issue()
	Expect(direct.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: source}, Type: corev1.SecretTypeTLS, Data: current.data(),
	})).To(Succeed())
}

// installKEDA applies KEDA's release and starts what stands for its pods.
func installKEDA(ctx context.Context) {
	GinkgoHelper()
	release, err := local.KEDARelease(ctx)
	Expect(err).NotTo(HaveOccurred())
	for _, object := range release {
		if object.GetKind() != "Namespace" {
			_, err := cluster.Apply(ctx, object)
			Expect(err).NotTo(HaveOccurred(), local.Title(object))
		}
	}
	subjects = local.Subjects(release)
	pods = startPods(ctx)
}

// issued is a leaf and a CA of its own.
type issued struct {
	ca   certtest.CA
	leaf certtest.Pair
}

func issue() issued {
	GinkgoHelper()
	ca := certtest.NewCA(GinkgoTB(), "Corp")
	return issued{ca, ca.Leaf(GinkgoTB(), certtest.KEDANames(namespace))}
}

func (i issued) data() map[string][]byte {
	return map[string][]byte{"tls.crt": i.leaf.CertPEM, "tls.key": i.leaf.KeyPEM, "ca.crt": i.ca.CertPEM}
}

// rotate writes another pair where the user keeps it.
func rotate(ctx context.Context) (from, to issued) {
	GinkgoHelper()
	secret := &corev1.Secret{}
	Expect(direct.Get(ctx, client.ObjectKey{Namespace: namespace, Name: source}, secret)).To(Succeed())
	from, to = current, issue()
	secret.Data = to.data()
	Expect(direct.Update(ctx, secret)).To(Succeed())
	current = to
	return from, to
}
