package journeys

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/keda-trust/keda-trust/e2e/assets/keda"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/e2e/platform"
)

// root is the checkout, seen from here.
const root = "../.."

var (
	on       *platform.Platform
	release  keda.Release // that the journeys are on
	newest   keda.Release // that older ones are upgraded to
	revision string       // of the checkout
)

func TestJourneys(t *testing.T) {
	var err error
	on, err = platform.Connect(root, t.TempDir(), GinkgoParallelProcess())
	if errors.Is(err, platform.ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if *record {
		if revision, err = on.Revision(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if newest, err = keda.Parse(local.KEDAVersion); err != nil {
		t.Fatal(err)
	}
	release = newest
	if asked := os.Getenv("KEDA_VERSION"); asked != "" {
		if release, err = keda.Parse(asked); err != nil {
			t.Fatal(err)
		}
	}
	ctrl.SetLogger(GinkgoLogr)
	RegisterFailHandler(Fail)
	RunSpecs(t, "Whoever runs KEDA "+string(release)+" on Kubernetes "+on.Version)
}

var _ = BeforeEach(func(ctx SpecContext) {
	Expect(on.UninstallTrust(ctx)).To(Succeed())
	Expect(on.DeleteKEDA(ctx, release)).To(Succeed())
	Expect(on.DeleteNamespace(ctx, shop)).To(Succeed())
}, NodeTimeout(5*time.Minute))

// The report has a bound of its own: the journey's has often passed.
var _ = JustAfterEach(func() {
	if !CurrentSpecReport().Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	on.Report(ctx, GinkgoWriter)
})
