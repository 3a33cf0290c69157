package argocd

import (
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/e2e/gitops/gitopstest"
)

const root = "../../.."

var keda *gitopstest.Installation

func TestArgoCD(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd: run these journeys with make test, which finds or builds them")
	}
	t.Setenv("KUBECACHEDIR", t.TempDir()) // else what is discovered here is kept for later clusters
	RegisterFailHandler(Fail)
	RunSpecs(t, "Who syncs KEDA by Argo CD")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	ctrl.SetLogger(GinkgoLogr)
	keda = gitopstest.Start(ctx, GinkgoTB(), root)
})

var _ = JustAfterEach(func() {
	if CurrentSpecReport().Failed() {
		AddReportEntry("keda-trust's log", keda.LastWords())
	}
})

var _ = AfterEach(func(ctx SpecContext) { keda.Remove(ctx, GinkgoTB()) })

// readme is an Application as the README has it. There are two: one that syncs
// by server-side apply, and one that does not.
func readme(serverSideApply bool) *v1alpha1.Application {
	GinkgoHelper()
	var found []*v1alpha1.Application
	documents := gitopstest.Settings(GinkgoTB(), root, "Application")
	Expect(documents).To(HaveLen(2))
	for _, document := range documents {
		app := &v1alpha1.Application{}
		Expect(yaml.UnmarshalStrict(document, app)).To(Succeed())
		Expect(app.Spec.SyncPolicy.Automated.SelfHeal).To(BeTrue(), "it is about what heals by itself")
		if app.Spec.SyncPolicy.SyncOptions.HasOption("ServerSideApply=true") == serverSideApply {
			found = append(found, app)
		}
	}
	Expect(found).To(HaveLen(1))
	return found[0]
}

// bare is an Application with no settings but some options of its sync.
func bare(options ...string) *v1alpha1.Application {
	app := &v1alpha1.Application{}
	app.Name, app.Namespace = "keda", "argocd"
	app.Spec.SyncPolicy = &v1alpha1.SyncPolicy{SyncOptions: options}
	return app
}
