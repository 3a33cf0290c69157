package journeys

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/keda-trust/keda-trust/e2e/platform"
	"github.com/keda-trust/keda-trust/injector"
)

// restarting is a line of diff's list: "  1. Deployment keda/keda-admission (…)".
var restarting = regexp.MustCompile(`(?m)^\s+\d+\. Deployment ` + kedaNamespace + `/(\S+) \(`)

var _ = Describe("Who has an hour for a KEDA that runs", func() {
	It("needs four commands from the install to proven trust, and diff foretells what restarts", func(ctx SpecContext) {
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		revisions := revisionsOf(ctx)

		Expect(on.InstallTrust(ctx)).To(Succeed())              // the first: helm install
		said, err := on.Trust(ctx, "diff", "-n", kedaNamespace) // the second
		Expect(err).NotTo(HaveOccurred())
		var foretold []string
		for _, line := range restarting.FindAllStringSubmatch(said, -1) {
			foretold = append(foretold, line[1])
		}
		Expect(foretold).To(ConsistOf(platform.KEDADeployments), said)
		Expect(revisionsOf(ctx)).To(Equal(revisions), "diff changes nothing")

		label(ctx, injector.ModeEnabled) // the third
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		trustHolds(ctx) // the fourth: check
		for _, pod := range podsIn(ctx, kedaNamespace) {
			Expect(pod.Spec.Volumes).To(ContainElement(HaveField("Name", injector.VolumeCertificates)), pod.Name)
		}

		var restarted []string
		for name, revision := range revisionsOf(ctx) {
			if revision != revisions[name] {
				restarted = append(restarted, name)
			}
			Expect(revision).To(BeNumerically("<=", revisions[name]+1), "%s restarted more than once", name)
		}
		slices.Sort(restarted)
		slices.Sort(foretold)
		Expect(restarted).To(Equal(foretold))
	}, SpecTimeout(15*time.Minute))
})

// revisionsOf are how many pod templates each of KEDA's Deployments has had.
func revisionsOf(ctx context.Context) map[string]int {
	GinkgoHelper()
	revisions := map[string]int{}
	for _, name := range platform.KEDADeployments {
		d, err := deploymentOf(ctx, name)
		Expect(err).NotTo(HaveOccurred())
		revision, err := strconv.Atoi(d.Annotations["deployment.kubernetes.io/revision"])
		Expect(err).NotTo(HaveOccurred())
		revisions[name] = revision
	}
	return revisions
}
