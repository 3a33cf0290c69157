package webhook

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/roundtrip"
)

var _ = Describe("A process", Serial, func() {
	It("that loses its lease is unready at once, and answers for as long as it may be called", func(ctx context.Context) {
		o := optionsFor(6*time.Second, "lost-lease")
		o.LeaderElection = true
		p := startWith(o)
		p.fails = true
		register(ctx, p, admissionregistrationv1.Fail)
		p.becomesReady()
		apply(ctx, labelled("lost-lease", "enabled", nil))
		takeLease(ctx)
		Eventually(p.health).WithArguments("/readyz").WithTimeout(30 * time.Second).WithPolling(20 * time.Millisecond).ShouldNot(Equal(http.StatusOK))
		Expect(direct.Create(ctx, kedaIn("lost-lease").operator)).To(Succeed(), "failurePolicy is Fail, so somebody answered")
		Expect(p.health("/healthz")).To(Equal(http.StatusOK), "a kubelet knows nothing of the lease")
		Expect(p.ended).NotTo(BeClosed())
		Eventually(p.ended).WithTimeout(20 * time.Second).Should(BeClosed())
		Expect(p.err).To(MatchError(ContainSubstring("leader election lost")))
	})

	It("told to stop gives its lease back, so that the next need not wait for it to expire", func(ctx context.Context) {
		o := optionsFor(0, "released")
		o.LeaderElection = true
		p := startWith(o)
		Eventually(renewed).WithArguments(ctx).WithTimeout(20 * time.Second).Should(BeTrue())
		p.end()
		Expect(holder(ctx)).To(BeEmpty())
	})

	DescribeTable("ends where somebody else listens already, and says what it could not serve",
		func(address func(*Options, string), want string) {
			taken, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(taken.Close)
			o := optionsFor(0, "taken")
			address(&o, taken.Addr().String())
			p := startWith(o)
			p.fails = true
			Eventually(p.ended).WithTimeout(20 * time.Second).Should(BeClosed())
			Expect(p.err).To(MatchError(And(ContainSubstring(want), ContainSubstring("address already in use"))))
		},
		Entry("for probes", func(o *Options, address string) { o.HealthAddress = address }, "serving health probes"),
		Entry("for metrics", func(o *Options, address string) { o.MetricsAddress = address }, "serving metrics"),
	)
})

var _ = Describe("The probe", Serial, func() {
	It("tells whether the API server reaches the webhook, and stores nothing", func(ctx context.Context) {
		p := startReady(ctx, "probed")
		Eventually(func() error {
			_, err := roundtrip.Ask(ctx, direct, injector.Name)
			return err
		}).WithTimeout(10 * time.Second).Should(Succeed())
		p.end()
		_, err := roundtrip.Ask(ctx, direct, injector.Name)
		Expect(err).To(MatchError(roundtrip.ErrNotAnswered))
		stored := client.ObjectKey{Namespace: injector.Name, Name: injector.ProbeConfigMap}
		Expect(apierrors.IsNotFound(direct.Get(ctx, stored, &corev1.ConfigMap{}))).To(BeTrue())
	})

	It("asks on the leader, and counts", func(ctx context.Context) {
		answered := func() float64 { return testutil.ToFloat64(roundTrips.WithLabelValues("answered")) }
		before := answered()
		Expect(testutil.CollectAndCount(roundTrips)).To(Equal(2), "each result is there before it happens")
		startReady(ctx, "probing")
		Eventually(answered).WithTimeout(2 * firstProbe).Should(BeNumerically(">", before))
	})
})

func takeLease(ctx context.Context) {
	GinkgoHelper()
	leases := kubernetes.NewForConfigOrDie(config).CoordinationV1().Leases(injector.Name)
	Eventually(func(g Gomega) {
		lease, err := leases.Get(ctx, injector.LeaderElectionID, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		lease.Spec.HolderIdentity, lease.Spec.RenewTime = new("somebody else"), &metav1.MicroTime{Time: time.Now()}
		_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
	}).WithTimeout(10 * time.Second).Should(Succeed())
	DeferCleanup(func(ctx context.Context) {
		Expect(leases.Delete(ctx, injector.LeaderElectionID, metav1.DeleteOptions{})).To(Succeed())
	})
}

// holder is who leads, empty where nobody does.
func holder(ctx context.Context) string {
	identity := lease(ctx).Spec.HolderIdentity
	if identity == nil {
		return ""
	}
	return *identity
}

// renewed says that the holder knows that it leads: client-go leaves a lease as it
// is that it is told to stop in the middle of taking.
func renewed(ctx context.Context) bool {
	taken := lease(ctx).Spec
	return taken.RenewTime != nil && taken.AcquireTime != nil && taken.RenewTime.After(taken.AcquireTime.Time)
}

// lease is empty where there is none.
func lease(ctx context.Context) *coordinationv1.Lease {
	GinkgoHelper()
	current, err := kubernetes.NewForConfigOrDie(config).CoordinationV1().Leases(injector.Name).Get(ctx, injector.LeaderElectionID, metav1.GetOptions{})
	Expect(client.IgnoreNotFound(err)).To(Succeed())
	if err != nil {
		return &coordinationv1.Lease{}
	}
	return current
}

var _ = Describe("Large bodies", Serial, func() {
	It("wait for each other, and no small one waits for them", func(ctx context.Context) {
		p := startReady(ctx, "large-bodies")
		post := func(body io.Reader, bytes int64) int {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url(injector.PathMutate)+"?timeout=1s", body)
			Expect(err).NotTo(HaveOccurred())
			request.Header.Set("Content-Type", "application/json")
			request.ContentLength = bytes
			response, err := client13().Do(request)
			if err != nil {
				return 0
			}
			defer response.Body.Close()
			return response.StatusCode
		}
		stalled := make(chan int, maxLargeBodies)
		for range maxLargeBodies {
			body, begun := io.Pipe()
			DeferCleanup(begun.Close)
			go func() { stalled <- post(body, maxBodyBytes) }()
			_, err := begun.Write([]byte("{")) // returns once it is read
			Expect(err).NotTo(HaveOccurred())
		}
		Eventually(func() int { return post(strings.NewReader(strings.Repeat(" ", smallBodyBytes+1)), smallBodyBytes+1) }).
			WithTimeout(3 * time.Second).Should(Equal(http.StatusServiceUnavailable))
		Expect(post(strings.NewReader("{}"), 2)).To(Equal(http.StatusBadRequest), "it was read")
		for range maxLargeBodies {
			Eventually(stalled).WithTimeout(2 * readTimeout).Should(Receive(Equal(http.StatusBadRequest)))
		}
		Expect(post(strings.NewReader(strings.Repeat(" ", smallBodyBytes+1)), smallBodyBytes+1)).To(Equal(http.StatusBadRequest), "there is room again")
	})
})
