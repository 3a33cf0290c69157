package resilience

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	. "github.com/onsi/gomega/gstruct"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("A rotation to another CA", func() {
	It("writes each of its stages once", func(ctx SpecContext) {
		r := newReplica("undisturbed", port).start(ctx)
		w := installed(ctx)
		from, to := rotate(ctx)
		settles(ctx, to)
		w.sawNoOutage(ctx, from, to)
		writtenAtMost(stages, r)
	})

	It("comes through watches that end ahead of every write, some of which are too old to go on", func(ctx SpecContext) {
		r := newReplica("forgetful", port, forgetful(4)).start(ctx)
		w := installed(ctx)
		from, to := rotate(ctx)
		settles(ctx, to)
		w.sawNoOutage(ctx, from, to)
		writtenAtMost(stages, r)
	})

	It("comes through an API server that turns away every seventh request, and contradicts every third write", func(ctx SpecContext) {
		r := newReplica("busy", port, busy(7), contradicting(3)).start(ctx)
		w := installed(ctx)
		from, to := rotate(ctx)
		settles(ctx, to)
		w.sawNoOutage(ctx, from, to)
		writtenAtMost(stages, r)
	})

	It("comes through an API server that ends when the first stage is published, and is there again later", func(ctx SpecContext) {
		reached, gone := make(chan struct{}), make(chan struct{})
		r := newReplica("restarted", port, interrupted("apiservices", reached, gone))
		r.options.Flags = append(r.options.Flags, "--leader-elect=true")
		r.start(ctx)
		w := installed(ctx)
		from, to := rotate(ctx)
		Eventually(reached).WithTimeout(patience).Should(BeClosed())
		Expect(cluster.StopServer()).To(Succeed())
		close(gone)
		Expect(cluster.StartServer()).To(Succeed())
		Eventually(func() error {
			if r.exited() { // its lease was not renewed for ten seconds, and a kubelet is there
				r.start(ctx)
			}
			return isSettled(ctx, to)
		}).WithTimeout(patience).WithPolling(50 * time.Millisecond).Should(Succeed())
		w.sawNoOutage(ctx, from, to)
		writtenAtMost(stages, r)
	})

	It("comes through two that lead, one of which always writes by what was true a moment ago", func(ctx SpecContext) {
		const delay = 2 * time.Second
		other, err := local.FreePort()
		Expect(err).NotTo(HaveOccurred())
		r, late := newReplica("leading", port).start(ctx), newReplica("late", other, slow(delay)).start(ctx)
		w := installed(ctx)
		from, to := rotate(ctx)
		settles(ctx, to)
		Consistently(isSettled).WithArguments(ctx, to).WithTimeout(delay + time.Second).Should(Succeed())
		w.sawNoOutage(ctx, from, to)
		writtenAtMost(2*stages, r, late)
	})

	It("comes through a replica that answers admission and hears of nothing, while somebody applies KEDA again and again", func(ctx SpecContext) {
		now := make(chan struct{})
		newReplica("deaf", port, stalled(now), readOnly).start(ctx)
		elsewhere, err := local.FreePort()
		Expect(err).NotTo(HaveOccurred())
		r := newReplica("hearing", elsewhere).start(ctx)
		w := installed(ctx)
		close(now)
		applied := applyAgainAndAgain()
		from, to := rotate(ctx)
		settles(ctx, to)
		applied()
		w.sawNoOutage(ctx, from, to)
		writtenAtMost(stages, r)
	})

	It("comes through a process that is killed at each write", func(ctx SpecContext) {
		w := installed(ctx)
		from, to := rotate(ctx)
		all, cut := livesUntil(ctx, to)
		settles(ctx, to)
		w.sawNoOutage(ctx, from, to)
		writtenAtMost(2*stages, all...)
		everyMoment := ContainElements(before, during, after)
		Expect(cut).To(MatchAllKeys(Keys{
			"secrets/" + injector.PublishedSecret: everyMoment, "configmaps/" + injector.StateConfigMap: everyMoment,
			"apiservices": everyMoment, "validatingwebhookconfigurations": everyMoment,
		}))
	})
})
