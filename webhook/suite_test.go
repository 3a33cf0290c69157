package webhook

import (
	"context"
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/keda-trust/keda-trust/injector"
)

var (
	config *rest.Config
	// direct reads from the API server, never from a cache. What it is warned of
	// goes to heard.
	direct client.Client
	heard  = &recorder{}
)

func TestWebhook(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd: run these tests with make test, which finds or builds them")
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "The webhook")
}

var _ = BeforeSuite(func(ctx context.Context) {
	ctrl.SetLogger(GinkgoLogr)
	environment := &envtest.Environment{BinaryAssetsDirectory: os.Getenv("KUBEBUILDER_ASSETS")}
	var err error
	config, err = environment.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(environment.Stop()).To(Succeed()) })
	config.QPS = -1
	listening := rest.CopyConfig(config)
	listening.WarningHandlerWithContext = heard
	scheme, err := newScheme()
	Expect(err).NotTo(HaveOccurred())
	direct, err = client.New(listening, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	Expect(direct.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: injector.Name}})).To(Succeed())
})
