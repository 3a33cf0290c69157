package serving

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("The leader", func() {
	var (
		in       installation
		one, two process
	)
	both := func(ctx context.Context) {
		GinkgoHelper()
		one.follow(ctx)
		two.follow(ctx)
	}
	serving := func() []string {
		return []string{serial(one.replica.authority.Serving()), serial(two.replica.authority.Serving())}
	}
	BeforeEach(func(ctx SpecContext) {
		in = install(ctx, nowhere)
		clk := clocktesting.NewFakePassiveClock(time.Now())
		one, two = newProcess(in, clk), newProcess(in, clk)
		both(ctx)
	})

	DescribeTable("rotates with an overlap",
		func(ctx SpecContext, begin func(context.Context), why Reason, dwell time.Duration) {
			counted := testutil.ToFloat64(rotations.WithLabelValues(string(why)))
			old := serial(in.certificates(ctx).Current)
			begin(ctx)
			one.lead(ctx)
			next := serial(in.certificates(ctx).Next)
			Expect(in.bundle(ctx)).To(Equal([]string{old}))
			Expect(one.lead(ctx).RequeueAfter).To(Equal(one.leader.opts.Recheck), "waits for the replicas to publish")
			both(ctx)
			Expect(in.bundle(ctx)).To(Equal([]string{old, next}))
			one.lead(ctx)

			one.after(dwell - time.Second)
			one.lead(ctx)
			both(ctx)
			Expect(serving()).To(Equal([]string{old, old}))
			one.after(time.Second)
			one.lead(ctx)
			Expect(serial(in.certificates(ctx).Current)).To(Equal(next))
			both(ctx)
			Expect(serving()).To(Equal([]string{next, next}))
			Expect(in.bundle(ctx)).To(Equal([]string{old, next}))

			one.after(MaxLeafLifetime + DefaultDwell - time.Second)
			one.lead(ctx)
			both(ctx)
			Expect(in.bundle(ctx)).To(Equal([]string{old, next}))
			one.after(time.Second)
			one.lead(ctx)
			both(ctx)
			one.lead(ctx)
			both(ctx)
			Expect(in.bundle(ctx)).To(Equal([]string{next}))
			Expect(in.stored(ctx).Data).To(HaveLen(2))
			Expect(testutil.ToFloat64(rotations.WithLabelValues(string(why)))).To(Equal(counted + 1))
		},
		Entry("when forced", func(ctx context.Context) { in.forceRotation(ctx, "now") }, Forced, MinForcedDwell),
		Entry("at two thirds of life", func(context.Context) { one.after(DefaultCALifetime * 2 / 3) }, TwoThirds, DefaultDwell),
	)

	It("lets the dwell start anew when the next CA was taken out of the caBundle", func(ctx SpecContext) {
		old := serial(in.certificates(ctx).Current)
		in.forceRotation(ctx, "now")
		one.lead(ctx)
		both(ctx)
		one.lead(ctx)
		one.after(MinForcedDwell)
		in.clearBundles(ctx)
		one.lead(ctx)
		Expect(in.stored(ctx).Annotations).NotTo(HaveKey(injector.AnnotationNextPublished))
		both(ctx)
		one.lead(ctx)
		one.lead(ctx)
		Expect(serial(in.certificates(ctx).Current)).To(Equal(old))
		one.after(MinForcedDwell)
		one.lead(ctx)
		Expect(serial(in.certificates(ctx).Current)).NotTo(Equal(old))
	})

	It("goes on where another leader stopped", func(ctx SpecContext) {
		old := serial(in.certificates(ctx).Current)
		in.forceRotation(ctx, "now")
		one.lead(ctx)
		both(ctx)
		two.lead(ctx)
		one.after(MinForcedDwell)
		newProcess(in, one.clock).lead(ctx)
		Expect(serial(in.certificates(ctx).Current)).NotTo(Equal(old))
		two.lead(ctx)
		Expect(in.stored(ctx).Annotations).NotTo(HaveKey(injector.AnnotationRotationReason), "one request is one rotation")
	})

	It("removes a stray CA only when no leaf of it can be served, and keeps no count across leaders", func(ctx SpecContext) {
		stray := newCA(one.clock)
		Expect(one.replica.add(ctx, in.webhooks(ctx), Certificates{Current: stray}.Trusted())).To(Succeed())
		one.lead(ctx)
		both(ctx)
		one.after(MaxLeafLifetime + DefaultDwell - time.Second)
		one.lead(ctx)
		Expect(in.bundle(ctx)).To(ContainElement(serial(stray)))
		one.after(time.Second)
		two.lead(ctx)
		both(ctx)
		Expect(in.bundle(ctx)).To(ContainElement(serial(stray)), "a new leader and the replicas remove nothing")
		one.lead(ctx)
		Expect(in.bundle(ctx)).To(Equal([]string{serial(in.certificates(ctx).Current)}))
	})

	It("touches only the caBundles, also of entries that it does not know", func(ctx SpecContext) {
		configuration := in.webhooks(ctx)
		third := in.webhook("third", nowhere)
		third.MatchConditions = []admissionregistrationv1.MatchCondition{{Name: "theirs", Expression: "true"}}
		configuration.Webhooks = append([]admissionregistrationv1.MutatingWebhook{third}, configuration.Webhooks...)
		Expect(direct.Update(ctx, configuration)).To(Succeed())
		both(ctx)
		after := in.webhooks(ctx)
		Expect(after.Webhooks[0].ClientConfig.CABundle).To(Equal(after.Webhooks[1].ClientConfig.CABundle))
		after.Webhooks[0].ClientConfig.CABundle = nil
		Expect(after.Webhooks).To(Equal(configuration.Webhooks))
	})

	It("writes nothing while the Secret or the configuration is gone", func(ctx SpecContext) {
		settled := in.webhooks(ctx).ResourceVersion
		Expect(direct.Delete(ctx, in.stored(ctx))).To(Succeed())
		one.after(DefaultCALifetime)
		one.lead(ctx)
		Expect(in.webhooks(ctx).ResourceVersion).To(Equal(settled))
		Expect(direct.Get(ctx, in.options().secretKey(), &corev1.Secret{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
		Expect(direct.Delete(ctx, in.webhooks(ctx))).To(Succeed())
		one.lead(ctx)
		Expect(direct.Get(ctx, types.NamespacedName{Name: in.configuration}, &admissionregistrationv1.MutatingWebhookConfiguration{})).
			To(MatchError(apierrors.IsNotFound, "IsNotFound"))
	})
})
