package cabundle

import (
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
	"github.com/keda-trust/keda-trust/webhook/notice"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

// Reconciler keeps the caBundles of the KEDA in one namespace true. Requests are
// Namespaces, by name. It is not safe for concurrent use.
type Reconciler struct {
	options Options
	cluster client.Client // Namespaces and the object may be cached
	live    client.Reader
	teller  *notice.Teller
	watch   *watch.Informers
	// disputes are by namespace.
	disputes map[string]*dispute
}

// NewReconciler wires a Reconciler. cluster may read from a cache, live must not.
// Without SetupWithManager it watches no state.
func NewReconciler(cluster client.Client, live client.Reader, recorder events.EventRecorder, o Options) *Reconciler {
	return &Reconciler{
		options:  o,
		cluster:  cluster,
		live:     live,
		teller:   notice.New(recorder, o.now),
		watch:    watch.New(nil),
		disputes: map[string]*dispute{},
	}
}

// Reconcile writes what the seam decides, where the object points to a Service in
// the namespace.
//
//	label      granted  state                      written
//	enabled    yes      with a caBundle            what differs from it
//	enabled    yes      none, or KEDA issues       nothing
//	audit      yes      any                        nothing; what would be is told
//	disabled   any      any                        what was injected is taken out
//	any other  any      any                        nothing
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	ns := &corev1.Namespace{}
	err := r.cluster.Get(ctx, types.NamespacedName{Name: request.Name}, ns)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("reading Namespace %s: %w", request.Name, err)
	}
	mode, _ := injector.ParseMode(request.Name, ns.Labels)
	granted := r.options.granted(request.Name)
	if err != nil || ns.DeletionTimestamp != nil || mode == injector.ModeUnmanaged || (mode != injector.ModeDisabled && !granted) {
		r.rest(request.Name)
		return ctrl.Result{}, nil
	}
	r.watch.Set(ns.Name, targets(ns.Name, mode))
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	err = r.cluster.Get(ctx, types.NamespacedName{Name: injector.KEDAValidatingWebhook}, v)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("reading %s %s: %w", kind.Kind, injector.KEDAValidatingWebhook, err)
	}
	if err != nil || namespaceOf(v) != ns.Name {
		r.teller.Forget(ns.Name)
		contested.DeleteLabelValues(ns.Name)
		return ctrl.Result{}, nil
	}
	var published installation.Publication
	if mode != injector.ModeDisabled {
		if published, err = installation.Published(ctx, r.live, ns.Name); err != nil {
			return ctrl.Result{}, err
		}
	}
	l := &look{
		Reconciler: r, mode: mode, state: published.State, now: r.options.now(), dispute: r.disputeOf(ns.Name),
		audience: notice.Audience{Namespace: ns, Also: reference(v), Ungranted: !granted},
	}
	return l.reconcile(ctx, v)
}

// rest forgets a namespace that is none of ours, or no longer.
func (r *Reconciler) rest(namespace string) {
	r.watch.Set(namespace, nil)
	r.teller.Forget(namespace)
	delete(r.disputes, namespace)
	contested.DeleteLabelValues(namespace)
}

func (r *Reconciler) disputeOf(namespace string) *dispute {
	if r.disputes[namespace] == nil {
		r.disputes[namespace] = newDispute()
	}
	return r.disputes[namespace]
}

func targets(namespace string, mode injector.Mode) []watch.Target {
	if mode == injector.ModeDisabled {
		return nil
	}
	return []watch.Target{watch.ConfigMap(namespace, injector.StateConfigMap)}
}

func reference(v *admissionregistrationv1.ValidatingWebhookConfiguration) *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind, Name: v.Name, UID: v.UID}
}
