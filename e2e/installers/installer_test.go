package installers

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// installer is somebody who installs KEDA and never uses force.
type installer interface {
	// apply installs a version, or upgrades to it.
	apply(ctx context.Context, v values)
	// back returns to the version that was applied before.
	back(ctx context.Context, v values)
}

// helm is given as a pointer, for it is built only after the journeys are
// listed.
type helm struct{ binary *string }

func (h helm) apply(ctx context.Context, v values) {
	GinkgoHelper()
	run(ctx, *h.binary, "upgrade", "--install", "keda", chart(), "--namespace", injector.DefaultKEDANamespace,
		"--set-string", "tag="+v.tag+",extraArg="+v.extraArg)
}

func (h helm) back(ctx context.Context, _ values) {
	GinkgoHelper()
	run(ctx, *h.binary, "rollback", "keda", "--namespace", injector.DefaultKEDANamespace)
}

// kubectl applies a manifest, with flags.
type kubectl []string

func (k kubectl) apply(ctx context.Context, v values) {
	GinkgoHelper()
	run(ctx, tools.kubectl, append([]string{"apply", "-f", v.manifest()}, k...)...)
}

func (k kubectl) back(ctx context.Context, v values) {
	GinkgoHelper()
	k.apply(ctx, v)
}

var (
	byHelm3      = helm{&tools.helm3}
	byHelm4      = helm{&tools.helm4}
	byClientSide = kubectl{}
	byServerSide = kubectl{"--server-side"}
)

// After each journey KEDA is taken away, whoever installed it, and keda-trust runs as
// the next journey expects it.
var _ = AfterEach(func(ctx SpecContext) {
	for _, object := range objectsOf(newer) {
		remove(ctx, object)
	}
	all := metav1.DeleteOptions{}
	Expect(cluster.Client.Resource(secrets).Namespace(injector.DefaultKEDANamespace).
		DeleteCollection(ctx, all, metav1.ListOptions{LabelSelector: "owner=helm"})).To(Succeed())
	Expect(cluster.Client.Resource(replicaSets).Namespace(injector.DefaultKEDANamespace).
		DeleteCollection(ctx, all, metav1.ListOptions{})).To(Succeed())
	release(ctx)
	if product.server == nil {
		product.install(ctx)
		product.start(ctx)
	}
})

var _ = JustAfterEach(func() {
	if CurrentSpecReport().Failed() {
		AddReportEntry("keda-trust's log", words{}.String())
	}
})
