package trust

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var _ = Describe("the watch of sources", func() {
	It("looks at the named object only, until it is no longer named", func(ctx context.Context) {
		k := newKEDA(ctx, nil)
		sources, err := metadata.NewForConfig(config)
		Expect(err).NotTo(HaveOccurred())
		queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		DeferCleanup(queue.ShutDown)
		life, end := context.WithCancel(ctx)
		defer end()
		watch := newSourceWatch(sources)
		Expect(watch.Start(life, queue)).To(Succeed())
		watch.Set(k.namespace, []target{configMapTarget(k.namespace, "other"), configMapTarget(k.namespace, "corp")})

		k.put(ctx, "ConfigMap", "unnamed", nil)
		k.put(ctx, "ConfigMap", "corp", nil)
		Eventually(queue.Len, 10*time.Second).Should(Equal(1))
		got, _ := queue.Get()
		Expect(got).To(Equal(request(k.namespace)))
		queue.Done(got)

		watch.Set(k.namespace, nil)
		watch.Wait()
		Expect(watch.running).To(BeEmpty())
		k.put(ctx, "ConfigMap", "corp", map[string][]byte{"a": []byte("b")})
		Consistently(queue.Len, time.Second).Should(BeZero())
	})

	It("ends with the controller", func(ctx context.Context) {
		sources, err := metadata.NewForConfig(config)
		Expect(err).NotTo(HaveOccurred())
		queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		DeferCleanup(queue.ShutDown)
		life, end := context.WithCancel(ctx)
		watch := newSourceWatch(sources)
		Expect(watch.Start(life, queue)).To(Succeed())
		watch.Set("keda", []target{secretTarget("keda", "my-tls"), certificateTarget("keda", "absent-kind")})
		end()
		watch.Wait()
	})
})

var _ = Describe("a running manager", func() {
	It("follows the label, a source and what somebody deletes", func(ctx context.Context) {
		first, second := certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second")
		k := newKEDA(ctx, map[string]string{injector.AnnotationCertificate: "keda", injector.AnnotationCustomCA: "configmap/corp"})
		k.label(ctx, "")
		mgr, err := ctrl.NewManager(config, ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(SetupWithManager(mgr, Options{Namespaces: []string{k.namespace}})).To(Succeed())
		life, end := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- mgr.Start(life) }()
		DeferCleanup(func() {
			end()
			Eventually(ended, 20*time.Second).Should(Receive(BeNil()))
		})

		k.label(ctx, "enabled")
		published := func() string {
			if state := k.state(ctx); state != nil {
				return state.CustomCAConfigMap
			}
			return ""
		}
		name := func(ca certtest.CA) string {
			cas, err := injector.ParseBundle(ca.CertPEM)
			Expect(err).NotTo(HaveOccurred())
			return injector.CustomCAConfigMapName(cas)
		}
		k.put(ctx, "ConfigMap", "corp", bundle(first))
		Eventually(published, 20*time.Second).Should(Equal(name(first)))
		k.put(ctx, "ConfigMap", "corp", bundle(second))
		Eventually(published, 20*time.Second).Should(Equal(name(second)))
		Expect(direct.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: injector.StateConfigMap}})).To(Succeed())
		Eventually(published, 20*time.Second).Should(Equal(name(second)))

		reasons := func() []string {
			list := &corev1.EventList{}
			Expect(direct.List(ctx, list, client.InNamespace(k.namespace))).To(Succeed())
			var out []string
			for _, event := range list.Items {
				out = append(out, event.InvolvedObject.Kind+" "+event.Reason)
			}
			return out
		}
		Eventually(reasons, 20*time.Second).Should(ContainElements("Namespace Published", "Namespace CustomCAAdded", "Namespace CustomCARemoved"))
	})
})

var _ = Describe("the reader that admission shares", func() {
	It("arrives at the leader's state, with the Deployment that is just coming in", func(ctx context.Context) {
		ca := certtest.NewCA(GinkgoTB(), "Ours")
		k := newKEDA(ctx, nil)
		reader := Reader{Live: direct}
		resolution, err := reader.Resolve(ctx, k.namespace, nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(resolution.State).To(BeNil(), "nothing tells who issues the certificate")

		k.put(ctx, "Secret", injector.KEDACertSecret, certificateFrom(ca, k.namespace))
		k.operator(ctx, "--enable-cert-rotation=true")
		incoming := &appsv1.Deployment{}
		key := client.ObjectKey{Namespace: k.namespace, Name: "keda-operator"}
		Expect(direct.Get(ctx, key, incoming)).To(Succeed())
		Expect(direct.Delete(ctx, incoming)).To(Succeed())
		resolution, err = reader.Resolve(ctx, k.namespace, incoming)
		Expect(err).NotTo(HaveOccurred())
		Expect(resolution.State).NotTo(BeNil())

		k.operator(ctx, "--enable-cert-rotation=true")
		k.reconcile(ctx)
		Expect(k.state(ctx)).To(Equal(resolution.State))
	})
})
