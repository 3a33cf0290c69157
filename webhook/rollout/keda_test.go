package rollout_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/events"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/rollout"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

// What the fixture calls KEDA's Deployments, in the order of their restarts.
const (
	webhooks = "keda-admission"
	metrics  = "keda-metrics-apiserver"
	operator = "keda-operator"
)

var all = []string{webhooks, metrics, operator}

// keda is KEDA in a namespace of its own, with a controller that is called
// directly and a clock of its own.
type keda struct {
	namespace  string
	controller reconcile.Reconciler
	events     chan string
	now        time.Time
	result     ctrl.Result
	// target is what is noted on a state that is published.
	target string
	// templates are those that were seen last, and changes how often each has
	// changed since the beginning.
	templates map[string]corev1.PodTemplateSpec
	changes   map[string]int
}

// newKEDA is installed, labelled and available, but nothing is published.
func newKEDA(ctx context.Context) *keda {
	GinkgoHelper()
	k := install(ctx)
	k.becomeAvailable(ctx, all...)
	return k
}

// install leaves the status to whoever writes it.
func install(ctx context.Context) *keda {
	GinkgoHelper()
	k := &keda{namespace: free[0], now: time.Now(), templates: map[string]corev1.PodTemplateSpec{}, changes: map[string]int{}}
	free = free[1:]
	Expect(direct.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: k.namespace, Labels: map[string]string{injector.LabelInject: "enabled"},
	}})).To(Succeed())
	for _, object := range k.manifests() {
		Expect(past.Create(ctx, object)).To(Succeed())
		if _, isAPI := object.(*apiregistrationv1.APIService); isAPI {
			DeferCleanup(func(ctx context.Context) { Expect(direct.Delete(ctx, object)).To(Succeed()) })
		}
	}
	k.restarts(ctx)
	k.lead(direct)
	return k
}

// injectedKEDA carries the state already, for long.
func injectedKEDA(ctx context.Context, state injector.State) *keda {
	GinkgoHelper()
	k := newKEDA(ctx)
	k.publish(ctx, state)
	k.finish(ctx)
	k.lead(direct)
	k.now = k.now.Add(24 * time.Hour)
	clear(k.changes)
	return k
}

func (k *keda) manifests() []client.Object {
	GinkgoHelper()
	raw, err := os.ReadFile("testdata/keda.yaml")
	Expect(err).NotTo(HaveOccurred())
	reader := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	var out []client.Object
	for range all {
		d := &appsv1.Deployment{}
		Expect(reader.Decode(d)).To(Succeed())
		d.Namespace = k.namespace
		out = append(out, d)
	}
	api := &apiregistrationv1.APIService{}
	Expect(reader.Decode(api)).To(Succeed())
	api.Spec.Service.Namespace = k.namespace
	return append(out, api)
}

// lead is another leader, which remembers nothing.
func (k *keda) lead(writer client.Writer) { k.leadGranted(writer, k.namespace) }

func (k *keda) leadGranted(writer client.Writer, namespaces ...string) {
	k.become(direct, writer, namespaces...)
}

// leadReading is another leader that reads by another client.
func (k *keda) leadReading(live client.Reader) { k.become(live, direct, k.namespace) }

func (k *keda) become(live client.Reader, writer client.Writer, namespaces ...string) {
	recorder := events.NewFakeRecorder(10_000)
	k.events = recorder.Events
	k.controller = rollout.NewReconciler(live, writer, recorder, rollout.Options{
		Namespaces: namespaces, Now: func() time.Time { return k.now },
	})
}

func (k *keda) reconcile(ctx context.Context) {
	GinkgoHelper()
	result, err := k.controller.Reconcile(ctx, watch.Request(k.namespace))
	Expect(err).NotTo(HaveOccurred())
	k.result = result
	k.restarts(ctx)
}

// pass lets time pass, in which the controller looks whenever it asked to.
func (k *keda) pass(ctx context.Context, time time.Duration) {
	GinkgoHelper()
	end := k.now.Add(time)
	for k.result.RequeueAfter > 0 && k.now.Add(k.result.RequeueAfter).Before(end) {
		k.now = k.now.Add(k.result.RequeueAfter)
		k.reconcile(ctx)
	}
	k.now = end
	k.reconcile(ctx)
}

// finish goes on until nothing more happens, every restart succeeding.
func (k *keda) finish(ctx context.Context) {
	GinkgoHelper()
	for range 4 {
		k.reconcile(ctx)
		k.becomeAvailable(ctx, all...)
	}
	k.reconcile(ctx)
}

// publish waits until admission knows, whose cache may lag behind, and returns what
// a Deployment then carries.
func (k *keda) publish(ctx context.Context, state injector.State) string {
	GinkgoHelper()
	Expect(state.Seal()).To(Succeed())
	configMap, err := state.Object(k.namespace)
	Expect(err).NotTo(HaveOccurred())
	if k.target != "" {
		metav1.SetMetaDataAnnotation(&configMap.ObjectMeta, injector.AnnotationTarget, k.target)
	}
	err = direct.Create(ctx, configMap)
	if apierrors.IsAlreadyExists(err) {
		err = direct.Update(ctx, configMap)
	}
	Expect(err).NotTo(HaveOccurred())
	id := carried(state, false)
	k.admissionAnswersWith(ctx, id, state.CABundle)
	return id
}

func carried(state injector.State, readsOnce bool) string {
	GinkgoHelper()
	id, err := state.CarriedID(readsOnce)
	Expect(err).NotTo(HaveOccurred())
	return id
}

func (k *keda) label(ctx context.Context, value string) {
	GinkgoHelper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.namespace}}
	edit(ctx, direct, ns, func() {
		delete(ns.Labels, injector.LabelInject)
		if value != "" {
			ns.Labels[injector.LabelInject] = value
		}
	})
}

func (k *keda) admissionAnswersWith(ctx context.Context, id string, bundle []byte) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		tried := k.manifests()[0]
		tried.SetName("tried")
		g.Expect(direct.Create(ctx, tried, client.DryRunAll)).To(Succeed())
		g.Expect(tried.GetAnnotations()[injector.AnnotationStateID]).To(Equal(id))
		api := k.apiService(ctx)
		g.Expect(direct.Update(ctx, api, client.DryRunAll)).To(Succeed())
		g.Expect(string(api.Spec.CABundle)).To(Equal(string(bundle)))
	}).WithTimeout(20 * time.Second).WithPolling(5 * time.Millisecond).Should(Succeed())
}

func (k *keda) deployment(ctx context.Context, name string) *appsv1.Deployment {
	GinkgoHelper()
	d := &appsv1.Deployment{}
	Expect(direct.Get(ctx, client.ObjectKey{Namespace: k.namespace, Name: name}, d)).To(Succeed())
	return d
}

func (k *keda) apiService(ctx context.Context) *apiregistrationv1.APIService {
	GinkgoHelper()
	api := &apiregistrationv1.APIService{}
	Expect(direct.Get(ctx, client.ObjectKey{Name: injector.KEDAAPIService}, api)).To(Succeed())
	return api
}

// carry are the Deployments that carry a state, in the order of restarts. The
// last is looked at first, so that what happens meanwhile puts none before its
// turn.
func (k *keda) carry(ctx context.Context, id string) []string {
	GinkgoHelper()
	out := []string{}
	for _, name := range slices.Backward(all) {
		if k.deployment(ctx, name).Annotations[injector.AnnotationStateID] == id {
			out = append(out, name)
		}
	}
	slices.Reverse(out)
	return out
}

// restarts are how often the template of each Deployment has changed.
func (k *keda) restarts(ctx context.Context) map[string]int {
	GinkgoHelper()
	for _, name := range all {
		now := k.deployment(ctx, name).Spec.Template
		before, seen := k.templates[name]
		if seen && !equality.Semantic.DeepEqual(before, now) {
			k.changes[name]++
		}
		k.templates[name] = now
	}
	return map[string]int{webhooks: k.changes[webhooks], metrics: k.changes[metrics], operator: k.changes[operator]}
}

// versions change with every write of the objects of KEDA.
func (k *keda) versions(ctx context.Context) map[string]string {
	GinkgoHelper()
	out := map[string]string{"APIService": k.apiService(ctx).Annotations[injector.AnnotationNudge]}
	for _, name := range all {
		out[name] = k.deployment(ctx, name).ResourceVersion
	}
	return out
}

// status sets what a controller-manager would, which does not run here.
func (k *keda) status(ctx context.Context, name string, set func(d *appsv1.Deployment)) {
	GinkgoHelper()
	d := k.deployment(ctx, name)
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation}
	set(d)
	Expect(direct.Status().Update(ctx, d)).To(Succeed())
}

func (k *keda) becomeAvailable(ctx context.Context, names ...string) {
	GinkgoHelper()
	for _, name := range names {
		k.status(ctx, name, func(d *appsv1.Deployment) {
			n := *d.Spec.Replicas
			d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = n, n, n, n
		})
	}
}

// told are the reasons and notes since the last time, each once: of every Event
// there is one about the Namespace and one about the Deployment.
func (k *keda) told() []string {
	var out []string
	for {
		select {
		case event := <-k.events:
			if !slices.Contains(out, event) {
				out = append(out, event)
			}
		default:
			return out
		}
	}
}

func toldOf(told []string, reason injector.Reason) []string {
	return slices.DeleteFunc(slices.Clone(told), func(event string) bool { return !strings.Contains(event, " "+string(reason)+" ") })
}

// edit patches what change changes of the object as it is in the cluster.
func edit(ctx context.Context, by client.Client, object client.Object, change func()) {
	GinkgoHelper()
	Expect(by.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
	before := object.DeepCopyObject().(client.Object)
	change()
	Expect(by.Patch(ctx, object, client.MergeFrom(before), client.FieldOwner("somebody"))).To(Succeed())
}

// change edits a Deployment past admission.
func (k *keda) change(ctx context.Context, name string, change func(d *appsv1.Deployment)) {
	GinkgoHelper()
	d := k.deployment(ctx, name)
	edit(ctx, past, d, func() { change(d) })
	k.restarts(ctx)
}

// published is the state that most specs begin with; change makes another.
func published(change ...func(*injector.State)) injector.State {
	s := injector.State{
		CertificateSecret: injector.PublishedSecret, CertificateDigest: "leaf-1", CABundle: []byte("corp"),
		CustomCAConfigMap: injector.PublishedCAPrefix + "1", CustomCADir: injector.DefaultCustomCADir,
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func otherCustomCA(name string) func(*injector.State) {
	return func(s *injector.State) { s.CustomCAConfigMap = injector.PublishedCAPrefix + name }
}

func otherLeaf(s *injector.State) {
	s.CertificateDigest, s.CABundle = "leaf-2", []byte("corp and next")
}
func otherCertDir(s *injector.State) { s.CertDir = "/tls" }
func byHand(s *injector.State)       { s.ManualRollout = true }
