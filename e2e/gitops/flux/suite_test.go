package flux

import (
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/e2e/gitops/gitopstest"
)

const root = "../../.."

var (
	keda   *gitopstest.Installation
	direct client.Client
)

func TestFlux(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd: run these journeys with make test, which finds or builds them")
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "Who syncs KEDA by Flux")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	ctrl.SetLogger(GinkgoLogr)
	keda = gitopstest.Start(ctx, GinkgoTB(), root)
	var err error
	direct, err = client.New(keda.Config, client.Options{})
	Expect(err).NotTo(HaveOccurred())
})

var _ = JustAfterEach(func() {
	if CurrentSpecReport().Failed() {
		AddReportEntry("keda-trust's log", keda.LastWords())
	}
})

var _ = AfterEach(func(ctx SpecContext) { keda.Remove(ctx, GinkgoTB()) })
