package rollout_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("What is counted", func() {
	It("says of which KEDA, and why", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		Expect(series("keda_trust_rollouts_total", k.namespace)).To(HaveLen(3*len(injector.RestartReasons)), "from the start, for increase() to see the first")
		nudged := func(component string, why injector.Reason) float64 {
			return counted("keda_trust_nudges_total", k.namespace, component, string(why), "answered")
		}
		Expect(nudged("operator", injector.ReasonFirstInjection)).To(Equal(1.0))
		Expect(nudged("apiservice", injector.ReasonInjected)).To(Equal(1.0), "it restarts nothing")
		k.publish(ctx, published(otherCustomCA("2")))
		k.finish(ctx)
		Expect(nudged("operator", injector.ReasonCustomCAChanged)).To(Equal(1.0))
		Expect(counted("keda_trust_rollouts_total", k.namespace)).To(Equal(4.0), "three, and the operator again")
		Expect(counted("keda_trust_rollouts_total", k.namespace, "operator", string(injector.ReasonCustomCAChanged))).To(Equal(1.0))
	})
})
