package serving

import (
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Three replicas behind a balancer, 50 admissions a second, failurePolicy Fail", func() {
	// The API server does not repeat a call whose connection is cut under it.
	It("fail no call but one under way when the leader is killed, and go on with the rotation", func(ctx SpecContext) {
		f := newFleet(ctx, false, asInACluster)
		Eventually(f.leader).WithTimeout(20 * time.Second).ShouldNot(BeNil())
		l := f.underLoad(ctx)
		old := serial(f.certificates(ctx).Current)
		f.forceRotation(ctx, "now")
		Eventually(func() *CA { return f.certificates(ctx).Next }).ShouldNot(BeNil())
		cut := f.kill(f.leader())
		Eventually(func() string { return serial(f.certificates(ctx).Current) }).WithTimeout(40 * time.Second).ShouldNot(Equal(old))
		f.expectEveryReplicaToServe(ctx)
		failures := l.end(ctx)
		Expect(len(failures)).To(BeNumerically("<=", 1))
		for _, failed := range failures {
			AddReportEntry("failed", failed.String())
			Expect(failed.began).To(BeTemporally("<=", cut.Add(5*time.Millisecond)))
			Expect(failed.ended).To(BeTemporally(">=", cut))
			Expect(failed.err).To(MatchError(MatchRegexp("connection reset by peer|EOF")))
		}
	})

	It("leave no goroutine behind when they stop", func(ctx SpecContext) {
		f := newFleet(ctx, false, asInACluster)
		for _, m := range slices.Clone(f.members) {
			f.terminate(m)
		}
		Eventually(ownGoroutines).Should(BeEmpty())
	})

	DescribeTable("fail no call during a rolling restart of all replicas", func(ctx SpecContext, fresh bool) {
		f := newFleet(ctx, fresh, asInACluster)
		l := f.underLoad(ctx)
		for range 3 {
			oldest := f.members[0]
			surge := f.start()
			Eventually(f.endpoints).WithTimeout(10 * time.Second).Should(ContainElement(surge.address))
			f.terminate(oldest)
		}
		Expect(l.end(ctx)).To(beNone())
	},
		Entry("with connections that are kept", false),
		Entry("with a connection for each call", true),
	)
})
