package check

import (
	"context"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

var (
	config *rest.Config
	direct client.Client
)

func TestCheck(t *testing.T) {
	clustertest.Assets(t)
	RegisterFailHandler(Fail)
	RunSpecs(t, "The edges of trust")
}

var _ = BeforeSuite(func(context.Context) {
	ctrl.SetLogger(GinkgoLogr)
	config = clustertest.Start(GinkgoTB()).Config
	direct = clientOf(config)
})

func clientOf(c *rest.Config) client.Client {
	GinkgoHelper()
	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(apiregistrationv1.AddToScheme(scheme)).To(Succeed())
	made, err := client.New(c, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	return made
}
