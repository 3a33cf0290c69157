package installers

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = DescribeTable("After an upgrade, a rollback and an edit, un-injection gives what the user last said, where KEDA came by",
	func(ctx SpecContext, in installer) {
		enable(ctx)
		for _, v := range []values{older, newer} {
			in.apply(ctx, v)
			expectInjected(ctx, stored(ctx))
		}
		in.back(ctx, older)
		expectInjected(ctx, stored(ctx))
		for _, object := range stored(ctx) {
			if object.GetKind() == "Deployment" {
				edited(object)
				_, err := cluster.Client.Resource(deployments).Namespace(injector.DefaultKEDANamespace).
					Update(ctx, object, metav1.UpdateOptions{FieldManager: "kubectl-edit"})
				Expect(err).NotTo(HaveOccurred())
			}
		}
		expectInjected(ctx, stored(ctx))

		disable(ctx)
		touch(ctx)

		expectSaid(ctx, older, edited)
	},
	Entry("Helm 3", byHelm3),
	Entry("Helm 4", byHelm4),
	Entry("kubectl apply", byClientSide),
	Entry("kubectl apply --server-side", byServerSide),
)

// edited changes a value that keda-trust has its own for, and adds one.
func edited(deployment *unstructured.Unstructured) {
	if deployment.GetKind() != "Deployment" {
		return
	}
	const file = "--tls-cert-file="
	args := argsOf(deployment)
	for i, arg := range args {
		if strings.HasPrefix(arg, file) {
			args[i] = file + "/elsewhere/tls.crt"
		}
	}
	setArgs(deployment, append(args, "--v=3"))
}

// touch writes each object, as anybody might.
func touch(ctx context.Context) {
	GinkgoHelper()
	run(ctx, tools.kubectl, "annotate", "deployments", "--all", "note=touched", "--overwrite", "--namespace", injector.DefaultKEDANamespace)
	run(ctx, tools.kubectl, "annotate", "apiservice", injector.KEDAAPIService, "note=touched", "--overwrite")
}
