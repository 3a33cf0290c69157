package rollout_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
	"github.com/keda-trust/keda-trust/webhook/rollout"
)

// patience is how long what runs by itself may take on a busy machine.
const patience = 60 * time.Second

var _ = Describe("Where Kubernetes' own controllers run", Ordered, func() {
	BeforeAll(func() { clustertest.StartControllers(GinkgoTB(), environment) })

	It("what was there is injected in order, one restart at a time, and a custom CA restarts the operator only", func(ctx context.Context) {
		k := install(ctx)
		k.kubelet(ctx)
		Eventually(k.unavailable, patience).WithArguments(ctx).Should(BeEmpty())
		clock := k.manage()
		id := k.publish(ctx, published())
		Eventually(func() bool {
			carrying, waiting := k.carry(ctx, id), k.unavailable(ctx)
			Expect(carrying).To(Equal(all[:len(carrying)]), "nobody is before its turn")
			Expect(len(waiting)).To(BeNumerically("<=", 1), "one at a time")
			return len(carrying) == len(all) && len(waiting) == 0
		}, patience).WithPolling(5 * time.Millisecond).Should(BeTrue())
		Expect(k.replicaSets(ctx)).To(Equal(map[string]int{webhooks: 2, metrics: 2, operator: 2}))
		Expect(k.apiService(ctx).Spec.CABundle).To(Equal([]byte("corp")))
		Eventually(k.eventsOf, patience).WithArguments(ctx, injector.ReasonRolloutFinished).Should(HaveLen(3))

		clock.Store(int64(time.Hour))
		id = k.publish(ctx, published(otherCustomCA("2")))
		Eventually(k.carry, patience).WithArguments(ctx, id).Should(Equal(all))
		Eventually(k.replicaSets, patience).WithArguments(ctx).Should(Equal(map[string]int{webhooks: 2, metrics: 2, operator: 3}))
		Eventually(k.unavailable, patience).WithArguments(ctx).Should(BeEmpty())
	})

	It("one that gets no further is passed over, and told", func(ctx context.Context) {
		k := install(ctx)
		k.change(ctx, webhooks, func(d *appsv1.Deployment) { d.Spec.ProgressDeadlineSeconds = new(int32(2)) })
		end := k.kubelet(ctx)
		Eventually(k.unavailable, patience).WithArguments(ctx).Should(BeEmpty())
		end()
		k.manage()
		id := k.publish(ctx, published())
		Eventually(k.carry, patience).WithArguments(ctx, id).Should(Equal([]string{webhooks, metrics}))
		Expect(k.unavailable(ctx)).To(ContainElement(webhooks))
		Eventually(k.eventsOf, patience).WithArguments(ctx, injector.ReasonRolloutStalled).Should(ConsistOf(ContainSubstring(webhooks)))
	})

	It("a source that flaps for a minute makes two ReplicaSets", func(ctx context.Context) {
		k := install(ctx)
		k.kubelet(ctx)
		k.publish(ctx, published())
		Eventually(func(g Gomega) {
			k.reconcile(ctx)
			g.Expect(k.unavailable(ctx)).To(BeEmpty())
			g.Expect(k.replicaSets(ctx)).To(Equal(map[string]int{webhooks: 2, metrics: 2, operator: 2}))
		}, patience).Should(Succeed())
		k.now = k.now.Add(time.Hour)
		id := ""
		for second := range 60 {
			id = k.publish(ctx, published(otherCustomCA(fmt.Sprint(second))))
			k.reconcile(ctx)
			k.now = k.now.Add(time.Second)
		}
		Eventually(k.unavailable, patience).WithArguments(ctx).Should(BeEmpty())
		k.pass(ctx, time.Hour)
		Eventually(k.unavailable, patience).WithArguments(ctx).Should(BeEmpty())
		Expect(k.carry(ctx, id)).To(Equal(all))
		Expect(k.replicaSets(ctx)).To(Equal(map[string]int{webhooks: 2, metrics: 2, operator: 4}))
	})

	It("a namespace that is disabled ends with the ReplicaSets that it began with", func(ctx context.Context) {
		k := install(ctx)
		k.kubelet(ctx)
		Eventually(k.unavailable, patience).WithArguments(ctx).Should(BeEmpty())
		k.manage()
		id := k.publish(ctx, published())
		Eventually(k.carry, patience).WithArguments(ctx, id).Should(Equal(all))
		Eventually(k.unavailable, patience).WithArguments(ctx).Should(BeEmpty())
		k.label(ctx, "disabled")
		Eventually(func(g Gomega) {
			for _, name := range all {
				g.Expect(mounted(k.deployment(ctx, name))).To(Equal([]string{"certificates"}))
			}
			g.Expect(k.unavailable(ctx)).To(BeEmpty())
		}, patience).Should(Succeed())
		Expect(k.replicaSets(ctx)).To(Equal(map[string]int{webhooks: 2, metrics: 2, operator: 2}), "the first are used again")
	})
})

// manage runs the controller as the leader does, with a clock that is ahead by
// what is stored.
func (k *keda) manage() *atomic.Int64 {
	GinkgoHelper()
	ahead := &atomic.Int64{}
	o := ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}}
	o.Controller.SkipNameValidation = new(true) // one process, several managers
	o.Cache.ByObject = map[client.Object]cache.ByObject{
		&apiregistrationv1.APIService{}: {Field: fields.OneTermEqualSelector("metadata.name", injector.KEDAAPIService)},
	}
	mgr, err := ctrl.NewManager(config, o)
	Expect(err).NotTo(HaveOccurred())
	Expect(rollout.SetupWithManager(mgr, rollout.Options{
		Namespaces: []string{k.namespace}, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})).To(Succeed())
	life, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(life) }()
	DeferCleanup(func() {
		end()
		Eventually(ended, patience).Should(Receive(BeNil()))
	})
	return ahead
}

// kubelet makes every Pod ready that has no status yet, until it is ended.
func (k *keda) kubelet(ctx context.Context) (end func()) {
	GinkgoHelper()
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	pods, err := direct.Watch(life, &corev1.PodList{}, client.InNamespace(k.namespace))
	Expect(err).NotTo(HaveOccurred())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event := range pods.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok && len(pod.Status.ContainerStatuses) == 0 && pod.DeletionTimestamp == nil {
				pod.Status.Phase = corev1.PodRunning
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: pod.Spec.Containers[0].Name, Ready: true}}
				pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
				// One that is gone, or was written meanwhile, is in another event.
				_ = direct.Status().Update(life, pod)
			}
		}
	}()
	stop := func() {
		cancel()
		pods.Stop()
		<-ended
	}
	DeferCleanup(stop)
	return stop
}

// unavailable are the Deployments that are not as they should be. The last in
// order is looked at first, so that what happens meanwhile puts none before its
// turn.
func (k *keda) unavailable(ctx context.Context) []string {
	GinkgoHelper()
	out := []string{}
	for _, name := range slices.Backward(all) {
		d := k.deployment(ctx, name)
		s, want := d.Status, *d.Spec.Replicas
		if s.ObservedGeneration < d.Generation || s.UpdatedReplicas != want || s.AvailableReplicas != want || s.Replicas != want {
			out = append(out, name)
		}
	}
	return out
}

func (k *keda) replicaSets(ctx context.Context) map[string]int {
	GinkgoHelper()
	list := &appsv1.ReplicaSetList{}
	Expect(direct.List(ctx, list, client.InNamespace(k.namespace))).To(Succeed())
	out := map[string]int{}
	for _, r := range list.Items {
		out[r.OwnerReferences[0].Name]++
	}
	return out
}

// eventsOf are the notes of the Events about the Namespace.
func (k *keda) eventsOf(ctx context.Context, reason injector.Reason) []string {
	GinkgoHelper()
	list := &corev1.EventList{}
	Expect(direct.List(ctx, list, client.InNamespace(k.namespace))).To(Succeed())
	var out []string
	for _, event := range list.Items {
		if event.InvolvedObject.Kind == "Namespace" && event.Reason == string(reason) {
			out = append(out, strings.TrimSpace(event.Message))
		}
	}
	return out
}
