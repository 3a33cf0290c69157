package serving

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("Three replicas behind a balancer, 50 admissions a second, failurePolicy Fail", func() {
	It("fail no call while the Secret is deleted and damaged again and again, and put the same back", func(ctx SpecContext) {
		f := newFleet(ctx, true, asInACluster)
		l := f.underLoad(ctx)
		before := f.stored(ctx)
		for round := 0; round < 8 || time.Since(l.began) < loadDuration(); round++ {
			harmed := f.stored(ctx)
			if round%2 == 0 {
				Expect(direct.Delete(ctx, harmed)).To(Succeed())
			} else {
				f.damage(ctx, func(s *corev1.Secret) { s.Data[keyCurrentKey] = []byte("garbage") })
			}
			Eventually(func(g Gomega) {
				var secret corev1.Secret
				g.Expect(direct.Get(ctx, client.ObjectKeyFromObject(harmed), &secret)).To(Succeed())
				g.Expect(secret.ResourceVersion).NotTo(Equal(harmed.ResourceVersion))
				g.Expect(secret.Data).To(Equal(before.Data))
			}).Should(Succeed())
		}
		Expect(l.end(ctx)).To(beNone())
	})

	It("fail no call while somebody puts another CA into the Secret", func(ctx SpecContext) {
		f := newFleet(ctx, true, asInACluster)
		l := f.underLoad(ctx)
		old := serial(f.certificates(ctx).Current)
		made, err := NewCA(time.Now(), time.Hour)
		Expect(err).NotTo(HaveOccurred())
		f.damage(ctx, func(s *corev1.Secret) { Expect(Certificates{Current: made}.Apply(s)).To(Succeed()) })
		Eventually(func() []string { return f.bundle(ctx) }).Should(ConsistOf(old, serial(made)))
		f.expectEveryReplicaToServe(ctx)
		Expect(l.end(ctx)).To(beNone())
	})

	It("fail only calls that meet an empty caBundle while it is cleared", func(ctx SpecContext) {
		f := newFleet(ctx, true, asInACluster)
		l := f.underLoad(ctx)
		var gaps []gap
		for len(gaps) < 10 {
			gaps = append(gaps, f.clearAndHeal(ctx))
		}
		failures := l.end(ctx)
		for _, g := range gaps {
			AddReportEntry("caBundle empty for", g.healed.Sub(g.cleared).String())
		}
		for _, failed := range failures {
			AddReportEntry("failed", failed.String())
			Expect(failed.err).To(MatchError(ContainSubstring("x509: certificate signed by unknown authority")))
			Expect(gaps).To(ContainElement(WithTransform(func(g gap) bool { return g.overlaps(failed) }, BeTrue())))
		}
	})
})

// gap is a time in which a stored caBundle was empty.
type gap struct{ cleared, healed time.Time }

// overlaps allows the API server 100 ms to be told of the repair.
func (g gap) overlaps(f failure) bool {
	return f.ended.After(g.cleared) && f.began.Before(g.healed.Add(100*time.Millisecond))
}

func (f *fleet) clearAndHeal(ctx context.Context) gap {
	GinkgoHelper()
	watch := f.watchBundles(ctx)
	defer watch.Stop()
	g := gap{cleared: time.Now()}
	f.clearBundles(ctx)
	g.healed = nextFilled(watch)
	return g
}
