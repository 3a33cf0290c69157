package serving

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("Three replicas behind a balancer, 50 admissions a second, failurePolicy Fail", func() {
	It("fail no call while a rotation is forced, from the next CA to the removal of the previous one", func(ctx SpecContext) {
		f := newFleet(ctx, true, brief)
		l := f.underLoad(ctx)
		for round := 0; round == 0 || time.Since(l.began) < loadDuration(); round++ {
			old := serial(f.certificates(ctx).Current)
			f.forceRotation(ctx, fmt.Sprint(round))
			Eventually(f.bundle).WithContext(ctx).WithTimeout(90 * time.Second).Should(And(HaveLen(1), Not(ContainElement(old))))
			Expect(f.certificates(ctx).Previous).To(BeEmpty())
			f.expectEveryReplicaToServe(ctx)
		}
		Expect(l.end(ctx)).To(beNone())
	})

	It("fail no call while the CA rotates at two thirds of its life", func(ctx SpecContext) {
		// The clock starts in the past, so that what it makes is valid by the API
		// server's clock before and after the steps, and the leaf is long enough
		// for DynamicSource, which goes by the system's clock, not to renew it yet.
		clk := clocktesting.NewFakePassiveClock(time.Now().Add(-time.Hour))
		f := newFleet(ctx, true, func(o *Options) {
			o.Policy = Policy{CALifetime: 2 * time.Hour, LeafLifetime: 110 * time.Minute, Dwell: 5 * time.Minute, ForcedDwell: 30 * time.Second}
			o.Clock, o.Recheck = clk, 50*time.Millisecond
		})
		l := f.underLoad(ctx)
		old := serial(f.certificates(ctx).Current)
		clk.SetTime(clk.Now().Add(time.Hour))
		Eventually(f.bundle).WithContext(ctx).WithTimeout(10 * time.Second).Should(HaveLen(2))
		Eventually(func() map[string]string { return f.stored(ctx).Annotations }).Should(HaveKey(injector.AnnotationNextPublished))
		Consistently(func() string { return serial(f.certificates(ctx).Current) }).WithTimeout(time.Second).Should(Equal(old))
		clk.SetTime(clk.Now().Add(5 * time.Minute))
		Eventually(func() string { return serial(f.certificates(ctx).Current) }).ShouldNot(Equal(old))
		f.expectEveryReplicaToServe(ctx)
		Expect(l.end(ctx)).To(beNone())
	})
})

// expectEveryReplicaToServe shakes hands with each replica for a leaf of the
// current CA, which the stored caBundle verifies.
func (f *fleet) expectEveryReplicaToServe(ctx context.Context) {
	GinkgoHelper()
	current := f.certificates(ctx).Current.Certificate
	for _, address := range f.ready() {
		Eventually(func(g Gomega) {
			dialer := tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{RootCAs: pool(current), ServerName: "127.0.0.1"}}
			connection, err := dialer.DialContext(ctx, "tcp", address)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(connection.Close()).To(Succeed())
		}).WithTimeout(20 * time.Second).Should(Succeed())
	}
}
