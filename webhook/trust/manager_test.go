package trust

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

// patience is how long a running manager may take on a busy machine.
const patience = 20 * time.Second

// runManager runs the controller until the spec ends.
func runManager(c *rest.Config, o ctrl.Options, namespaces ...string) {
	GinkgoHelper()
	o.Scheme, o.Metrics = scheme, metricsserver.Options{BindAddress: "0"}
	o.Controller.SkipNameValidation = new(true) // one process, several managers
	mgr, err := ctrl.NewManager(c, o)
	Expect(err).NotTo(HaveOccurred())
	Expect(SetupWithManager(mgr, Options{Namespaces: namespaces, ConvergenceTimeout: impatient})).To(Succeed())
	life, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(life) }()
	DeferCleanup(func() {
		end()
		Eventually(ended, patience).Should(Receive(BeNil()))
	})
}

// customCAs names the published ConfigMap, empty where there is none.
func (k *keda) customCAs(ctx context.Context) string {
	GinkgoHelper()
	if state := k.state(ctx); state != nil {
		return state.CustomCAConfigMap
	}
	return ""
}

func nameOf(cas ...certtest.CA) string {
	GinkgoHelper()
	parsed, err := injector.ParseBundle(bundle(cas...)["ca.crt"])
	Expect(err).NotTo(HaveOccurred())
	return injector.CustomCAConfigMapName(parsed)
}

// eventNotes are kind, reason and note of the Events in the namespace.
func (k *keda) eventNotes(ctx context.Context) []string {
	GinkgoHelper()
	list := &corev1.EventList{}
	Expect(k.client.List(ctx, list, client.InNamespace(k.namespace))).To(Succeed())
	var out []string
	for _, event := range list.Items {
		out = append(out, event.InvolvedObject.Kind+" "+event.Reason+" "+event.Message)
	}
	return out
}

func (k *keda) operatorOf(ctx context.Context) *appsv1.Deployment {
	GinkgoHelper()
	operator := &appsv1.Deployment{}
	Expect(k.client.Get(ctx, client.ObjectKey{Namespace: k.namespace, Name: "keda-operator"}, operator)).To(Succeed())
	return operator
}

// reconciles is how often the controller has looked, as controller-runtime counts.
func reconciles() float64 {
	GinkgoHelper()
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	total := 0.0
	for _, family := range families {
		if family.GetName() != "controller_runtime_reconcile_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			total += metric.GetCounter().GetValue()
		}
	}
	return total
}

// settledReconciles is that number once it has stopped growing.
func settledReconciles() float64 {
	GinkgoHelper()
	last := -1.0
	Eventually(func() bool {
		before := last
		last = reconciles()
		return last == before
	}, patience).WithPolling(100 * time.Millisecond).MustPassRepeatedly(3).Should(BeTrue())
	return last
}

// allowEverything is a Role in the namespace; which rights are enough is for the
// tests of the manifests.
func (k *keda) allowEverything(ctx context.Context, user string) {
	GinkgoHelper()
	meta := metav1.ObjectMeta{Namespace: k.namespace, Name: user}
	Expect(k.client.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
}

// watchClusterScoped allows what is in no namespace.
func watchClusterScoped(ctx context.Context, user string) {
	GinkgoHelper()
	grant(ctx, user,
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get", "list", "watch"}},
		rbacv1.PolicyRule{
			APIGroups: []string{"apiregistration.k8s.io", "admissionregistration.k8s.io"},
			Resources: []string{"apiservices", "validatingwebhookconfigurations"}, Verbs: []string{"get", "list", "watch"},
		})
}

func grant(ctx context.Context, user string, rules ...rbacv1.PolicyRule) {
	GinkgoHelper()
	Expect(direct.Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules})).To(Succeed())
	Expect(direct.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
}

// faultsOf is how often a fault of that reason was met in the namespace.
func (k *keda) faultsOf(reason injector.Reason) float64 {
	return testutil.ToFloat64(faults.WithLabelValues(k.namespace, string(reason)))
}
