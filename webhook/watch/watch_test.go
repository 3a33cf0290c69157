package watch

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

var (
	config *rest.Config
	direct client.Client
)

func TestWatch(t *testing.T) {
	clustertest.Assets(t)
	RegisterFailHandler(Fail)
	RunSpecs(t, "From objects to a second look")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(GinkgoLogr)
	config = clustertest.Start(GinkgoTB()).Config
	made, err := client.New(config, client.Options{})
	Expect(err).NotTo(HaveOccurred())
	direct = made
})

// started are informers that queue into the queue until life ends.
func started(life context.Context) (*Informers, workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	GinkgoHelper()
	made, err := metadata.NewForConfig(config)
	Expect(err).NotTo(HaveOccurred())
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	DeferCleanup(queue.ShutDown)
	informers := New(made)
	Expect(informers.Start(life, queue)).To(Succeed())
	return informers, queue
}

func newNamespace(ctx context.Context) string {
	GinkgoHelper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "keda-"}}
	Expect(direct.Create(ctx, ns)).To(Succeed())
	return ns.Name
}

func configMap(namespace, name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

var _ = Describe("informers", func() {
	It("look at the named object only, until it is no longer named", func(ctx context.Context) {
		namespace := newNamespace(ctx)
		life, end := context.WithCancel(ctx)
		defer end()
		informers, queue := started(life)
		informers.Set(namespace, []Target{ConfigMap(namespace, "other"), ConfigMap(namespace, "corp")})

		Expect(direct.Create(ctx, configMap(namespace, "unnamed"))).To(Succeed())
		Expect(direct.Create(ctx, configMap(namespace, "corp"))).To(Succeed())
		Eventually(queue.Len, 10*time.Second).Should(Equal(1))
		got, _ := queue.Get()
		Expect(got).To(Equal(Request(namespace)))
		queue.Done(got)

		informers.Set(namespace, nil)
		informers.Wait()
		Expect(informers.running).To(BeEmpty())
		changed := configMap(namespace, "corp")
		changed.Data = map[string]string{"a": "b"}
		Expect(direct.Update(ctx, changed)).To(Succeed())
		Consistently(queue.Len, time.Second).Should(BeZero())
	})

	It("end with the controller, also those of a kind that is not served", func(ctx context.Context) {
		life, end := context.WithCancel(ctx)
		informers, _ := started(life)
		informers.Set("keda", []Target{Secret("keda", "my-tls"), Certificate("keda", "absent-kind"), ClusterTrustBundle("v0", "absent-version")})
		end()
		informers.Wait()
	})

	It("keep neither content nor what kubectl apply noted of it", func(ctx context.Context) {
		namespace := newNamespace(ctx)
		Expect(direct.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "my-tls", Annotations: map[string]string{
				corev1.LastAppliedConfigAnnotation: `{"kind":"Secret","data":{"tls.key":"c2VjcmV0"}}`, "theirs": "stays",
			}},
			Data: map[string][]byte{"tls.key": []byte("secret")},
		})).To(Succeed())
		life, end := context.WithCancel(ctx)
		defer end()
		informers, _ := started(life)
		informer := informers.informer(life, namespace, Secret(namespace, "my-tls"))
		go informer.RunWithContext(life)
		Expect(cache.WaitForCacheSync(life.Done(), informer.HasSynced)).To(BeTrue())
		kept := informer.GetStore().List()
		Expect(kept).To(HaveLen(1))
		object, isMetadata := kept[0].(*metav1.PartialObjectMetadata)
		Expect(isMetadata).To(BeTrue(), "%T", kept[0])
		Expect(object.Annotations).To(Equal(map[string]string{"theirs": "stays"}))
		Expect(object.ManagedFields).To(BeEmpty())
	})
})

var _ = DescribeTable("a change that is looked at", func(target Target, before, after metav1.ObjectMeta, want bool) {
	Expect(target.changed(&metav1.PartialObjectMetadata{ObjectMeta: before}, &metav1.PartialObjectMetadata{ObjectMeta: after})).To(Equal(want))
},
	Entry("of a spec", Deployments("keda"), metav1.ObjectMeta{Generation: 1}, metav1.ObjectMeta{Generation: 2}, true),
	Entry("of an annotation", Deployments("keda"), metav1.ObjectMeta{}, metav1.ObjectMeta{Annotations: map[string]string{"a": "b"}}, true),
	Entry("not of a status", Deployments("keda"), metav1.ObjectMeta{ResourceVersion: "1"}, metav1.ObjectMeta{ResourceVersion: "2"}, false),
	Entry("of a status that is asked for", Target{Status: true}, metav1.ObjectMeta{ResourceVersion: "1"}, metav1.ObjectMeta{ResourceVersion: "2"}, true),
	Entry("of a source, whatever it is", Secret("keda", "tls"), metav1.ObjectMeta{ResourceVersion: "1"}, metav1.ObjectMeta{ResourceVersion: "2"}, true),
)
