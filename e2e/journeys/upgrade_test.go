package journeys

import (
	"context"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	semver "k8s.io/apimachinery/pkg/util/version"

	"github.com/keda-trust/keda-trust/e2e/assets/keda"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/e2e/platform"
	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("Who upgrades KEDA", func() {
	DescribeTable("has what is injected follow the version, and no pod crashes", func(ctx SpecContext, apply func(context.Context, keda.Release) error) {
		if release == newest {
			Skip("KEDA is already the newest: make e2e KEDA=2.16 upgrades")
		}
		DeferCleanup(func(ctx context.Context) { Expect(on.DeleteKEDA(ctx, newest)).To(Succeed()) })
		Expect(on.ApplyNamespace(ctx, kedaNamespace, nil, nil)).To(Succeed())
		pair := putCertificate(ctx, "Platform")
		Expect(on.InstallTrust(ctx)).To(Succeed())
		enable(ctx, map[string]string{injector.AnnotationCertificate: "secret/" + provided})
		for _, version := range []keda.Release{release, newest} {
			Expect(apply(ctx, version)).To(Succeed())
			Expect(on.AwaitInjected(ctx)).To(Succeed())
			Expect(on.AwaitKEDA(ctx)).To(Succeed())
			trustHolds(ctx)
			Expect(externalMetrics(ctx).Spec.CABundle).To(Equal(pair.CA))
			nothingCrashed(ctx)
			Expect(reloads(ctx)).To(Equal(since(version, "2.17.2")))
			operator, err := deploymentOf(ctx, local.OperatorDeployment)
			Expect(err).NotTo(HaveOccurred())
			container := operator.Spec.Template.Spec.Containers[0]
			Expect(container.Image).To(HaveSuffix(":" + string(version)))
			Expect(container.Args).To(ContainElement("--enable-cert-rotation=false"))
			lowest := ContainElement(HaveField("Name", "KEDA_SERVICE_MIN_TLS_VERSION")) // which older ones would not read
			if since(version, "2.20.0") {
				Expect(container.Env).To(lowest)
			} else {
				Expect(container.Env).NotTo(lowest)
			}
		}
	},
		Entry("by server-side apply", SpecTimeout(20*time.Minute), func(ctx context.Context, version keda.Release) error {
			return on.ApplyKEDA(ctx, version)
		}),
		Entry("by helm upgrade", SpecTimeout(20*time.Minute), func(ctx context.Context, version keda.Release) error {
			return on.UpgradeKEDA(ctx, version)
		}),
	)
})

func since(version keda.Release, first string) bool {
	return semver.MustParseSemantic(string(version)).AtLeast(semver.MustParseSemantic(first))
}

var _ = Describe("Who upgrades keda-trust", func() {
	It("may apply KEDA all the while, and roll back, and KEDA does not restart", func(ctx SpecContext) {
		bringCertificateTo(ctx, func() error {
			version, err := on.InstallTrustBefore(ctx)
			AddReportEntry("upgraded", "from "+version)
			return err
		})
		trustHolds(ctx)
		before, revisions := podsOf(ctx), revisionsOf(ctx)
		// A pod counts only after that, so the ones of both versions answer for a while.
		_, err := on.Kubectl(ctx, "patch", "deployment", injector.Name, "-n", injector.Name, "-p", `{"spec":{"minReadySeconds":20}}`)
		Expect(err).NotTo(HaveOccurred())

		By("upgrading")
		applyKEDADuring(ctx, func() error { return on.InstallTrust(ctx, "podAnnotations.upgraded=yes") })
		By("rolling back")
		applyKEDADuring(ctx, func() error { return on.RollTrustBack(ctx) })

		trustHolds(ctx)
		Expect(podsOf(ctx)).To(Equal(before))
		Expect(revisionsOf(ctx)).To(Equal(revisions))
	}, SpecTimeout(15*time.Minute))
})

// applyKEDADuring applies KEDA's release again and again while keda-trust's pods
// are replaced, and looks whether it is injected in that same write.
func applyKEDADuring(ctx context.Context, replace func() error) {
	GinkgoHelper()
	old := readyTrust(ctx)
	replaced := make(chan error, 1)
	go func() { replaced <- replace() }()
	for withBoth := 0; ; {
		select {
		case err := <-replaced:
			Expect(err).NotTo(HaveOccurred())
			Expect(withBoth).To(BeNumerically(">", 1), "KEDA was applied while both ran")
			Expect(readyTrust(ctx)).To(HaveEach(Not(BeElementOf(old))))
			return
		default:
		}
		ready := readyTrust(ctx)
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		for _, name := range platform.KEDADeployments {
			Expect(deploymentOf(ctx, name)).To(mountsOurs(), name)
		}
		isOld := func(name string) bool { return slices.Contains(old, name) }
		isNew := func(name string) bool { return !isOld(name) }
		if slices.ContainsFunc(ready, isOld) && slices.ContainsFunc(ready, isNew) {
			withBoth++
		}
	}
}

// readyTrust are the names of keda-trust's pods that answer.
func readyTrust(ctx context.Context) []string {
	GinkgoHelper()
	var names []string
	for _, pod := range podsIn(ctx, injector.Name) {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				names = append(names, pod.Name)
			}
		}
	}
	return names
}
