package serving

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// loadDuration is for how long each scenario is under load: five seconds, or
// what KEDA_TRUST_LOAD_DURATION says.
func loadDuration() time.Duration {
	GinkgoHelper()
	text, set := os.LookupEnv("KEDA_TRUST_LOAD_DURATION")
	if !set || text == "" {
		return 5 * time.Second
	}
	duration, err := time.ParseDuration(text)
	Expect(err).NotTo(HaveOccurred(), "KEDA_TRUST_LOAD_DURATION is a duration such as 2m")
	return duration
}

const admissionsPerSecond = 50

// load is dry-run creates that the webhook has to admit.
type load struct {
	fleet   *fleet
	cancel  context.CancelFunc
	running sync.WaitGroup
	began   time.Time

	mu       sync.Mutex
	total    int
	failures []failure
}

type failure struct {
	began, ended time.Time
	err          error
}

func (f failure) String() string {
	return fmt.Sprintf("%s to %s: %s", f.began.Format(time.StampMicro), f.ended.Format(time.StampMicro), f.err)
}

// beNone fails with what a person would look at: how many, when, and why.
func beNone() types.GomegaMatcher {
	return WithTransform(func(failures []failure) []string {
		var lines []string
		for _, failed := range failures {
			lines = append(lines, failed.String())
		}
		return lines
	}, BeEmpty())
}

func (f *fleet) underLoad(ctx context.Context) *load {
	GinkgoHelper()
	Eventually(func() error { return f.admit(ctx) }).WithTimeout(10 * time.Second).Should(Succeed())
	ctx, cancel := context.WithCancel(ctx)
	l := &load{fleet: f, cancel: cancel, began: time.Now()}
	f.calls.Store(0)
	l.running.Go(func() {
		ticker := time.NewTicker(time.Second / admissionsPerSecond)
		defer ticker.Stop()
		issued := 0
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				// A busy machine drops ticks; the calls of those are made up for.
				for due := int(time.Since(l.began).Seconds() * admissionsPerSecond); issued < due; issued++ {
					l.running.Go(l.call)
				}
			}
		}
	})
	return l
}

func (f *fleet) admit(ctx context.Context) error {
	return direct.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "admitted"}}, client.DryRunAll)
}

func (l *load) call() {
	// A call that began is waited for, also when the load ends meanwhile.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	began := time.Now()
	err := l.fleet.admit(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if err != nil {
		l.failures = append(l.failures, failure{began, time.Now(), err})
	}
}

// end keeps the load up for the rest of its duration and returns what failed.
func (l *load) end(ctx context.Context) []failure {
	GinkgoHelper()
	select {
	case <-time.After(time.Until(l.began.Add(loadDuration()))):
	case <-ctx.Done():
	}
	seconds := time.Since(l.began).Seconds()
	l.cancel()
	l.running.Wait()
	AddReportEntry("load", fmt.Sprintf("%d admissions in %.1f s, %d failed, %d calls of the webhook", l.total, seconds, len(l.failures), l.fleet.calls.Load()))
	for _, failed := range l.failures[:min(3, len(l.failures))] {
		AddReportEntry("failed", failed.String())
	}
	Expect(l.total).To(BeNumerically(">", seconds*admissionsPerSecond*0.8), "the load was not what it should be")
	// Both entries of the configuration are called for every admission.
	Expect(l.fleet.calls.Load()).To(BeNumerically(">=", 2*(l.total-len(l.failures))), "admissions did not pass through the webhook")
	return l.failures
}

// shortestDwell is the timeout of the webhook. The API server takes the caBundle
// when a call begins and may shake hands as late as that; a shorter dwell failed
// seven of six thousand calls on a machine that stood still for three seconds.
const shortestDwell = callTimeout * time.Second

// brief are lifetimes for a rotation from end to end within seconds.
func brief(o *Options) {
	o.Policy = Policy{CALifetime: time.Hour, LeafLifetime: 3 * time.Second, Dwell: shortestDwell, ForcedDwell: shortestDwell}
	o.Recheck = 100 * time.Millisecond
}

func asInACluster(o *Options) {
	o.ForcedDwell, o.Recheck = shortestDwell, 100*time.Millisecond
}

var _ = Describe("Three replicas behind a balancer, 50 admissions a second, failurePolicy Fail", func() {
	It("fail no call while a rotation is forced, from the next CA to the removal of the previous one", func(ctx SpecContext) {
		f := newFleet(ctx, true, brief)
		l := f.underLoad(ctx)
		for round := 0; round == 0 || time.Since(l.began) < loadDuration(); round++ {
			old := serial(f.certificates(ctx).Current)
			f.forceRotation(ctx, fmt.Sprint(round))
			Eventually(f.bundle).WithContext(ctx).WithTimeout(40 * time.Second).Should(And(HaveLen(1), Not(ContainElement(old))))
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
