package serving

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/keda-trust/keda-trust/injector"
)

const nowhere = "https://127.0.0.1:1/mutate"

// process is the two reconcilers of one process, called directly.
type process struct {
	installation
	clock   *clocktesting.FakePassiveClock
	replica *replica
	leader  *leader
}

func newProcess(in installation, clk *clocktesting.FakePassiveClock) process {
	opts := in.options()
	opts.Clock = clk
	s := store{client: direct, opts: opts}
	authority := NewAuthority(clk, opts.LeafLifetime, nil)
	return process{installation: in, clock: clk, replica: newReplica(s, authority), leader: newLeader(s, authority)}
}

func (p process) follow(ctx context.Context) {
	GinkgoHelper()
	// Once for the Secret, once for the caBundle, once to read what was written.
	for range 3 {
		_, err := p.replica.Reconcile(ctx, reconcile.Request{})
		Expect(err).NotTo(HaveOccurred())
	}
}

func (p process) lead(ctx context.Context) reconcile.Result {
	GinkgoHelper()
	result, err := p.leader.Reconcile(ctx, reconcile.Request{})
	Expect(err).NotTo(HaveOccurred())
	return result
}

func (p process) after(d time.Duration) { p.clock.SetTime(p.clock.Now().Add(d)) }

// damage changes the stored Secret as somebody else.
func (in installation) damage(ctx context.Context, change func(*corev1.Secret)) {
	GinkgoHelper()
	secret := in.stored(ctx)
	change(secret)
	Expect(direct.Update(ctx, secret)).To(Succeed())
}

var _ = Describe("A replica", func() {
	var (
		in  installation
		clk *clocktesting.FakePassiveClock
		one process
	)
	BeforeEach(func(ctx SpecContext) {
		in = install(ctx, nowhere)
		clk = clocktesting.NewFakePassiveClock(time.Now())
		one = newProcess(in, clk)
	})

	It("creates the Secret, publishes its CA and changes nothing else, once", func(ctx SpecContext) {
		before := in.webhooks(ctx)
		one.follow(ctx)
		after := in.webhooks(ctx)
		Expect(in.bundle(ctx)).To(ConsistOf(serial(in.certificates(ctx).Current)))
		Expect(serial(one.replica.authority.Serving())).To(Equal(serial(in.certificates(ctx).Current)))

		settled := []string{after.ResourceVersion, in.stored(ctx).ResourceVersion}
		one.follow(ctx)
		newProcess(in, clk).follow(ctx)
		one.lead(ctx)
		Expect([]string{in.webhooks(ctx).ResourceVersion, in.stored(ctx).ResourceVersion}).To(Equal(settled), "nothing differs, nothing is written")

		for i := range after.Webhooks {
			after.Webhooks[i].ClientConfig.CABundle = nil
		}
		Expect(after.Webhooks).To(Equal(before.Webhooks))
		Expect(after.Annotations).To(Equal(before.Annotations))
	})

	It("reads the winner's Secret when it loses the race to create it", func(ctx SpecContext) {
		winner, loser := Certificates{Current: newCA(clk)}, Certificates{Current: newCA(clk)}
		Expect(one.replica.save(ctx, nil, winner)).To(BeTrue())
		Expect(one.replica.save(ctx, nil, loser)).To(BeFalse())
		Expect(serial(in.certificates(ctx).Current)).To(Equal(serial(winner.Current)))
	})

	It("says that its Namespace is missing, which is no lost race", func(ctx SpecContext) {
		in.namespace = "missing"
		_, err := newProcess(in, clk).replica.Reconcile(ctx, reconcile.Request{})
		Expect(err).To(MatchError(ContainSubstring(`namespaces "missing" not found`)))
	})

	It("writes nothing over a Secret or an entry that changed since it looked", func(ctx SpecContext) {
		one.follow(ctx)
		secret, configuration := in.stored(ctx), in.webhooks(ctx)
		in.forceRotation(ctx, "meanwhile")
		changed := in.webhooks(ctx)
		changed.Webhooks = append(changed.Webhooks, in.webhook("third", nowhere))
		Expect(direct.Update(ctx, changed)).To(Succeed())

		Expect(one.replica.save(ctx, secret, Certificates{Current: newCA(clk)})).To(BeFalse())
		Expect(one.replica.add(ctx, configuration, Certificates{Current: newCA(clk)}.Trusted())).To(Succeed())
		Expect(in.stored(ctx).Annotations).To(HaveKeyWithValue(injector.AnnotationRotate, "meanwhile"))
		Expect(in.webhooks(ctx).Webhooks).To(Equal(changed.Webhooks))
	})

	It("does not serve a CA that is in no stored caBundle, or not in each", func(ctx SpecContext) {
		configuration := in.webhooks(ctx)
		Expect(direct.Delete(ctx, configuration)).To(Succeed())
		one.follow(ctx)
		Expect(in.certificates(ctx).Current).NotTo(BeNil())
		Expect(one.replica.authority.Serving()).To(BeNil())

		half := configuration.DeepCopy()
		half.Webhooks[0].ClientConfig.CABundle = encodeBundle(in.certificates(ctx).Trusted())
		one.replica.follow(ctx, half, in.certificates(ctx), clk.Now())
		Expect(one.replica.authority.Serving()).To(BeNil())

		configuration.ResourceVersion = ""
		Expect(direct.Create(ctx, configuration)).To(Succeed())
		one.follow(ctx)
		Expect(one.replica.authority.Serving()).NotTo(BeNil())
	})

	DescribeTable("puts back what it remembers, in the middle of a rotation",
		func(ctx SpecContext, harm func(context.Context)) {
			one.follow(ctx)
			in.forceRotation(ctx, "a")
			one.lead(ctx)
			one.follow(ctx)
			one.lead(ctx)
			one.follow(ctx)
			before := in.stored(ctx)
			Expect(before.Annotations).To(HaveKey(injector.AnnotationNextPublished))
			harm(ctx)
			one.follow(ctx)
			after := in.stored(ctx)
			Expect(after.Data).To(Equal(before.Data))
			Expect(after.Annotations).To(Equal(before.Annotations))
		},
		Entry("deleted", func(ctx context.Context) { Expect(direct.Delete(ctx, in.stored(ctx))).To(Succeed()) }),
		Entry("emptied", func(ctx context.Context) { in.damage(ctx, func(s *corev1.Secret) { s.Data = nil }) }),
		Entry("garbage for the certificate", func(ctx context.Context) {
			in.damage(ctx, func(s *corev1.Secret) { s.Data[keyCurrentCertificate] = []byte("garbage") })
		}),
		Entry("another CA's key", func(ctx context.Context) {
			in.damage(ctx, func(s *corev1.Secret) { s.Data[keyCurrentKey] = s.Data[keyNextKey] })
		}),
		Entry("half of the next CA", func(ctx context.Context) {
			in.damage(ctx, func(s *corev1.Secret) { delete(s.Data, keyNextKey) })
		}),
		Entry("a previous CA without a date", func(ctx context.Context) {
			in.damage(ctx, func(s *corev1.Secret) { s.Data[keyPrevious] = s.Data[keyCurrentCertificate] })
		}),
		Entry("an expired CA", func(ctx context.Context) {
			expired, err := NewCA(clk.Now().Add(-2*time.Hour), time.Hour)
			Expect(err).NotTo(HaveOccurred())
			in.damage(ctx, func(s *corev1.Secret) { Expect(Certificates{Current: expired}.Apply(s)).To(Succeed()) })
		}),
	)

	It("keeps a usable current CA when it remembers nothing, and makes one when there is none", func(ctx SpecContext) {
		one.follow(ctx)
		first := in.certificates(ctx)
		counted := testutil.ToFloat64(rotations.WithLabelValues(string(Corrupt)))
		in.damage(ctx, func(s *corev1.Secret) { s.Data[keyNextCertificate] = []byte("garbage") })
		newProcess(in, clk).follow(ctx)
		Expect(serial(in.certificates(ctx).Current)).To(Equal(serial(first.Current)))
		Expect(testutil.ToFloat64(rotations.WithLabelValues(string(Corrupt)))).To(Equal(counted), "it is the same CA")

		in.damage(ctx, func(s *corev1.Secret) { s.Data[keyCurrentKey] = []byte("garbage") })
		newProcess(in, clk).follow(ctx)
		second := in.certificates(ctx)
		Expect(serial(second.Current)).NotTo(Equal(serial(first.Current)))
		Expect(in.bundle(ctx)).To(Equal([]string{serial(first.Current), serial(second.Current)}), "what others serve stays trusted")
		Expect(testutil.ToFloat64(rotations.WithLabelValues(string(Corrupt)))).To(Equal(counted + 1))
	})

	It("changes to a CA that somebody else made only after the dwell, and keeps its own trusted", func(ctx SpecContext) {
		one.follow(ctx)
		mine := one.replica.authority.Serving()
		other := Certificates{Current: newCA(clk)}
		in.damage(ctx, func(s *corev1.Secret) { Expect(other.Apply(s)).To(Succeed()) })
		one.follow(ctx)
		in.clearBundles(ctx)
		one.follow(ctx)
		Expect(in.bundle(ctx)).To(ConsistOf(serial(mine), serial(other.Current)))
		one.after(MinForcedDwell - time.Second)
		one.follow(ctx)
		Expect(serial(one.replica.authority.Serving())).To(Equal(serial(mine)))
		one.after(time.Second)
		one.follow(ctx)
		Expect(serial(one.replica.authority.Serving())).To(Equal(serial(other.Current)))
	})

	It("changes at once when the CA that it serves with no longer verifies", func(ctx SpecContext) {
		one.follow(ctx)
		one.replica.remembered = nil
		one.after(DefaultCALifetime + time.Second)
		one.follow(ctx)
		Expect(serial(one.replica.authority.Serving())).To(Equal(serial(in.certificates(ctx).Current)))
		Expect(clk.Now()).To(BeTemporally("<", one.replica.authority.Serving().Certificate.NotAfter))
	})
})

func newCA(clk *clocktesting.FakePassiveClock) *CA {
	GinkgoHelper()
	ca, err := NewCA(clk.Now(), DefaultCALifetime)
	Expect(err).NotTo(HaveOccurred())
	return ca
}
