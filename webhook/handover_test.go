package webhook

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var _ = Describe("A leader that is told to stop", Serial, func() {
	// The median of as many as an interval that is too long would not get by with:
	// what compiles beside them may hold up one.
	It("hands over within two seconds: then a change made since is published", func(ctx context.Context) {
		const name = "handed-over"
		var all []time.Duration
		leading := startWith(electing(5*time.Second, name))
		register(ctx, leading, admissionregistrationv1.Fail)
		corp := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "corp"}, Data: roots(0)}
		apply(ctx, labelled(name, "enabled", map[string]string{injector.AnnotationCertificate: "keda", injector.AnnotationCustomCA: "configmap/corp"}), corp)
		Eventually(customCAs).WithArguments(ctx, name).WithTimeout(20 * time.Second).ShouldNot(BeEmpty())

		for generation := 1; generation <= 5; generation++ {
			waiting := startWith(electing(5*time.Second, name))
			waiting.becomesReady()
			before, corpNext := customCAs(ctx, name), corp.DeepCopy()
			corpNext.Data = roots(generation)
			told := time.Now()
			leading.stop()
			Expect(direct.Update(ctx, corpNext)).To(Succeed())
			Eventually(customCAs).WithArguments(ctx, name).WithTimeout(20 * time.Second).WithPolling(10 * time.Millisecond).ShouldNot(Equal(before))
			took := time.Since(told)
			AddReportEntry("handed over", fmt.Sprintf("the Lease was taken %s after the signal, the change published after %s",
				lease(ctx).Spec.AcquireTime.Sub(told).Round(time.Millisecond), took.Round(time.Millisecond)))
			all = append(all, took)
			leading, corp = waiting, corpNext
		}
		slices.Sort(all)
		Expect(all[len(all)/2]).To(BeNumerically("<", 2*time.Second), "%v", all)
	})

	It("answers on, alive and unready, with what is labelled and published since", func(ctx context.Context) {
		const name = "answered-on"
		p := startWith(electing(8*time.Second, name))
		register(ctx, p, admissionregistrationv1.Fail)
		p.becomesReady()
		n, k := labelled(name, "enabled", nil), kedaIn(name)
		apply(ctx, n)
		publish(ctx, name, injector.State{CertificateSecret: injector.PublishedSecret})
		apply(ctx, k.operator)
		before := k.operator.Annotations[injector.AnnotationStateID]
		Expect(before).NotTo(BeEmpty())
		Eventually(holder).WithArguments(ctx).WithTimeout(20 * time.Second).ShouldNot(BeEmpty())

		p.stop()
		Eventually(holder).WithArguments(ctx).WithTimeout(2*time.Second).Should(BeEmpty(), "which also says that its caches have stopped")
		republish(ctx, name, injector.State{CertificateSecret: injector.PublishedSecret, CertDir: "/since"})
		edit(ctx, k.operator, func() { k.operator.Spec.Replicas = new(int32(2)) })
		Expect(k.operator.Annotations).To(HaveKeyWithValue(injector.AnnotationStateID, Not(Equal(before))))
		n.Labels[injector.LabelInject] = "disabled"
		Expect(direct.Update(ctx, n)).To(Succeed())
		edit(ctx, k.operator, func() { k.operator.Spec.Replicas = new(int32(3)) })
		Expect(k.operator.Annotations).NotTo(HaveKey(injector.AnnotationInjected))

		Expect(p.health("/healthz")).To(Equal(http.StatusOK))
		Expect(p.health("/readyz")).To(Equal(http.StatusInternalServerError))
		Expect(p.ended).NotTo(BeClosed())
	})
})

func electing(delay time.Duration, namespaces ...string) Options {
	GinkgoHelper()
	o := optionsFor(delay, namespaces...)
	o.LeaderElection = true
	// The five hand-overs are changes within seconds, which must not count as those
	// of a source that flaps.
	o.ConvergenceTimeout = 10 * time.Millisecond
	return o
}

// roots is one CA, another for each generation.
func roots(generation int) map[string]string {
	GinkgoHelper()
	return map[string]string{"ca.crt": string(certtest.NewCA(GinkgoTB(), fmt.Sprintf("Corp %d", generation)).CertPEM)}
}

// customCAs is the name of the ConfigMap that the published state has for them,
// empty where none is published.
func customCAs(ctx context.Context, namespace string) string {
	GinkgoHelper()
	state := publishedState(ctx, namespace)
	if state == nil {
		return ""
	}
	return state.CustomCAConfigMap
}

// republish replaces a state that publish published.
func republish(ctx context.Context, namespace string, state injector.State) {
	GinkgoHelper()
	published := &corev1.ConfigMap{}
	Expect(direct.Get(ctx, client.ObjectKey{Namespace: namespace, Name: injector.StateConfigMap}, published)).To(Succeed())
	Expect(direct.Delete(ctx, published)).To(Succeed())
	publish(ctx, namespace, state)
}
