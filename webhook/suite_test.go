package webhook

import (
	"context"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

var (
	config *rest.Config
	// direct reads from the API server, never from a cache. What it is warned of
	// goes to heard.
	direct client.Client
	heard  = &recorder{}
)

func TestWebhook(t *testing.T) {
	clustertest.Assets(t)
	RegisterFailHandler(Fail)
	RunSpecs(t, "The webhook")
}

var _ = BeforeSuite(func(ctx context.Context) {
	ctrl.SetLogger(GinkgoLogr)
	config = clustertest.Start(GinkgoTB()).Config
	listening := rest.CopyConfig(config)
	listening.WarningHandlerWithContext = heard
	scheme, err := newScheme()
	Expect(err).NotTo(HaveOccurred())
	direct, err = client.New(listening, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	Expect(direct.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: injector.Name}})).To(Succeed())
})
