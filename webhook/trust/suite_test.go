package trust

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
	"github.com/keda-trust/keda-trust/webhook/endpoints"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

// impatient waits for nobody.
const impatient = time.Nanosecond

var (
	environment *envtest.Environment
	config      *rest.Config
	scheme      = runtime.NewScheme()
	// direct reads from the API server, never from a cache.
	direct client.WithWatch
)

func TestTrust(t *testing.T) {
	clustertest.Assets(t)
	RegisterFailHandler(Fail)
	RunSpecs(t, "From sources to the published state")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(GinkgoLogr)
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(apiregistrationv1.AddToScheme(scheme)).To(Succeed())
	environment = clustertest.Start(GinkgoTB())
	config = environment.Config
	direct = clientOf(config)
})

func clientOf(c *rest.Config) client.WithWatch {
	GinkgoHelper()
	made, err := client.NewWithWatch(c, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	return made
}

// keda is a namespace of its own, with a reconciler that is called directly.
type keda struct {
	client    client.Client
	namespace string
	reconcile func(context.Context) ctrl.Result
	events    chan string
	// created and ahead are the reconciler's clock, which hardly goes by itself.
	created time.Time
	ahead   time.Duration
	// patient is the Options.ConvergenceTimeout. By default nobody is waited for, and
	// every source is followed at once.
	patient time.Duration
	// dial reaches its pods.
	dial endpoints.Dialer
	// live and writer are the client where they are nil.
	live   client.Reader
	writer client.Writer
	try    func(context.Context) (ctrl.Result, error)
}

func newKEDA(ctx context.Context, annotations map[string]string) *keda {
	GinkgoHelper()
	return newKEDAIn(ctx, direct, annotations)
}

func newKEDAIn(ctx context.Context, cluster client.Client, annotations map[string]string) *keda {
	GinkgoHelper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "keda-", Labels: map[string]string{injector.LabelInject: "enabled"}, Annotations: annotations,
	}}
	Expect(cluster.Create(ctx, ns)).To(Succeed())
	k := &keda{client: cluster, namespace: ns.Name, patient: impatient, created: time.Now()}
	k.restart()
	return k
}

// restart is another leader, which remembers nothing.
func (k *keda) restart(granted ...string) {
	recorder := events.NewFakeRecorder(100)
	k.events = recorder.Events
	if granted == nil {
		granted = []string{k.namespace}
	}
	var writer client.Writer = k.client
	if k.writer != nil {
		writer = k.writer
	}
	var live client.Reader = k.client
	if k.live != nil {
		live = k.live
	}
	r := NewReconciler(live, writer, recorder, Options{Namespaces: granted, ConvergenceTimeout: k.patient, Dial: k.dial, Now: k.now})
	k.try = func(ctx context.Context) (ctrl.Result, error) {
		k.ahead += time.Millisecond // what takes no time would be held to have just happened
		return r.Reconcile(ctx, watch.Request(k.namespace))
	}
	k.reconcile = func(ctx context.Context) ctrl.Result {
		GinkgoHelper()
		result, err := k.try(ctx)
		Expect(err).NotTo(HaveOccurred())
		return result
	}
}

func (k *keda) now() time.Time { return k.created.Add(k.ahead) }

// converge reconciles until no change of certificate is under way.
func (k *keda) converge(ctx context.Context) {
	GinkgoHelper()
	for range 5 {
		if k.reconcile(ctx).RequeueAfter > 10*time.Second {
			return
		}
	}
	Fail("a change of certificate does not end")
}

func (k *keda) told() []string {
	var out []string
	for {
		select {
		case event := <-k.events:
			out = append(out, event)
		default:
			return out
		}
	}
}

// put creates the object or replaces the data of the one that is there.
func (k *keda) put(ctx context.Context, kind, name string, data map[string][]byte) {
	GinkgoHelper()
	meta := metav1.ObjectMeta{Namespace: k.namespace, Name: name}
	var object client.Object = &corev1.Secret{ObjectMeta: meta, Data: data}
	if kind == "ConfigMap" {
		object = &corev1.ConfigMap{ObjectMeta: meta, BinaryData: data}
	}
	err := k.client.Create(ctx, object)
	if apierrors.IsAlreadyExists(err) {
		err = k.client.Update(ctx, object)
	}
	Expect(err).NotTo(HaveOccurred())
}

func (k *keda) label(ctx context.Context, value string) {
	GinkgoHelper()
	ns := &corev1.Namespace{}
	Expect(k.client.Get(ctx, client.ObjectKey{Name: k.namespace}, ns)).To(Succeed())
	delete(ns.Labels, injector.LabelInject)
	if value != "" {
		ns.Labels[injector.LabelInject] = value
	}
	Expect(k.client.Update(ctx, ns)).To(Succeed())
}

// mounting is the spec of pods that mount what is published, as admission has them.
func mounting(c corev1.Container) corev1.PodSpec {
	c.VolumeMounts = []corev1.VolumeMount{{Name: injector.VolumeCertificates, MountPath: injector.DefaultCertDir}}
	return corev1.PodSpec{Containers: []corev1.Container{c}, Volumes: []corev1.Volume{{
		Name: injector.VolumeCertificates, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: injector.PublishedSecret}},
	}}}
}

func (k *keda) operator(ctx context.Context, args ...string) {
	GinkgoHelper()
	labels := map[string]string{"app": "keda-operator"}
	Expect(k.client.Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: "keda-operator"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       mounting(corev1.Container{Name: "keda-operator", Image: "ghcr.io/kedacore/keda:2.21.0", Command: []string{"/keda"}, Args: args}),
			},
		},
	})).To(Succeed())
}

func (k *keda) replicaSetNaming(ctx context.Context, configMap string) *appsv1.ReplicaSet {
	GinkgoHelper()
	labels := map[string]string{"app": "keda-operator"}
	replicaSet := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: "keda-operator-1"},
		Spec: appsv1.ReplicaSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "keda-operator", Image: "keda"}},
				Volumes: []corev1.Volume{{Name: "ca", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
					Sources: []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: configMap}}}},
				}}}},
			}},
		},
	}
	Expect(k.client.Create(ctx, replicaSet)).To(Succeed())
	return replicaSet
}

func (k *keda) state(ctx context.Context) *injector.State {
	GinkgoHelper()
	configMap := &corev1.ConfigMap{}
	err := k.client.Get(ctx, client.ObjectKey{Namespace: k.namespace, Name: injector.StateConfigMap}, configMap)
	if apierrors.IsNotFound(err) {
		return nil
	}
	Expect(err).NotTo(HaveOccurred())
	state, err := injector.ParseState([]byte(configMap.Data[injector.StateKey]))
	Expect(err).NotTo(HaveOccurred())
	return state
}

// published are the resourceVersions of everything that is keda-trust's.
func (k *keda) published(ctx context.Context) map[string]string {
	GinkgoHelper()
	versions := map[string]string{}
	ours := []client.ListOption{client.InNamespace(k.namespace), client.MatchingLabels{injector.LabelManagedBy: injector.Name}}
	secrets, configMaps := &corev1.SecretList{}, &corev1.ConfigMapList{}
	Expect(k.client.List(ctx, secrets, ours...)).To(Succeed())
	Expect(k.client.List(ctx, configMaps, ours...)).To(Succeed())
	for _, s := range secrets.Items {
		versions["Secret "+s.Name] = s.ResourceVersion
	}
	for _, c := range configMaps.Items {
		versions["ConfigMap "+c.Name] = c.ResourceVersion
	}
	return versions
}
