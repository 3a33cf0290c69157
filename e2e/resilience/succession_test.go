package resilience

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("A rotation that begins when the leader of two ends", func() {
	// The one that answers admission is the one that takes over. A machine that
	// compiles meanwhile may add a second to what is aimed at.
	DescribeTable("is in all caBundles", func(ctx SpecContext, signal syscall.Signal, most time.Duration) {
		elsewhere, err := local.FreePort()
		Expect(err).NotTo(HaveOccurred())
		leader := newReplica("leader", elsewhere).electing().start(ctx)
		Eventually(holder).WithArguments(ctx).WithTimeout(patience).ShouldNot(BeEmpty())
		first := holder(ctx)
		newReplica("next", port).electing().start(ctx)
		w := installed(ctx)

		began := time.Now()
		Expect(syscall.Kill(leader.server.PID(), signal)).To(Succeed())
		from, to := rotate(ctx)
		Eventually(trusted).WithArguments(ctx, to).WithTimeout(patience).WithPolling(10 * time.Millisecond).Should(BeTrue())
		took := time.Since(began)
		AddReportEntry(fmt.Sprintf("after %s", signal), took.Round(time.Millisecond).String())
		Expect(took).To(BeNumerically("<", most))
		Expect(holder(ctx)).NotTo(Equal(first))
		settles(ctx, to)
		w.sawNoOutage(ctx, from, to)
	},
		Entry("two seconds after it was told to, for it gives up its lease", syscall.SIGTERM, 3*time.Second),
		Entry("when its lease of 15 seconds has run out, where it was killed: two looks at it, and the work, come on top", syscall.SIGKILL, 20*time.Second),
	)
})

// electing has the replica take part in the election that others of the spec do.
func (r *replica) electing() *replica {
	r.options.Flags = append(r.options.Flags, "--leader-elect=true")
	return r
}

// holder is who leads, empty for nobody.
func holder(ctx context.Context) string {
	GinkgoHelper()
	lease := &coordinationv1.Lease{}
	err := direct.Get(ctx, client.ObjectKey{Namespace: injector.Name, Name: injector.LeaderElectionID}, lease)
	Expect(client.IgnoreNotFound(err)).To(Succeed())
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// trusted tells whether the CA is in every caBundle of KEDA's objects.
func trusted(ctx context.Context, by issued) bool {
	GinkgoHelper()
	api, configuration := &apiregistrationv1.APIService{}, &admissionregistrationv1.ValidatingWebhookConfiguration{}
	Expect(direct.Get(ctx, client.ObjectKey{Name: injector.KEDAAPIService}, api)).To(Succeed())
	Expect(direct.Get(ctx, client.ObjectKey{Name: injector.KEDAValidatingWebhook}, configuration)).To(Succeed())
	all := [][]byte{api.Spec.CABundle}
	for _, webhook := range configuration.Webhooks {
		all = append(all, webhook.ClientConfig.CABundle)
	}
	for _, bundle := range all {
		if !bytes.Contains(bundle, by.ca.CertPEM) {
			return false
		}
	}
	return true
}
