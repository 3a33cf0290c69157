package endpoints

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

var direct client.Client

func TestEndpoints(t *testing.T) {
	clustertest.Assets(t)
	RegisterFailHandler(Fail)
	RunSpecs(t, "What stands behind a Service")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(GinkgoLogr)
	made, err := client.New(clustertest.Start(GinkgoTB()).Config, client.Options{})
	Expect(err).NotTo(HaveOccurred())
	direct = made
})
