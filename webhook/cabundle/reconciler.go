package cabundle

import (
	"context"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

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
	var state *injector.State
	if mode != injector.ModeDisabled {
		if state, err = installation.State(ctx, r.live, ns.Name); err != nil {
			return ctrl.Result{}, err
		}
	}
	l := &look{
		Reconciler: r, mode: mode, state: state, now: r.options.now(), dispute: r.disputeOf(ns.Name),
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

// look is one pass over one namespace.
type look struct {
	*Reconciler
	audience notice.Audience
	mode     injector.Mode
	state    *injector.State
	dispute  *dispute
	now      time.Time
}

func (l *look) namespace() string { return l.audience.Namespace.Name }

func (l *look) reconcile(ctx context.Context, v *admissionregistrationv1.ValidatingWebhookConfiguration) (ctrl.Result, error) {
	d, err := decide(v, l.mode, l.state)
	if err != nil {
		return ctrl.Result{}, err
	}
	replaced := d.replaced(l.dispute.carried)
	if len(replaced) > 0 {
		if d, replaced, err = l.lost(ctx, v.Name); err != nil {
			return ctrl.Result{}, err
		}
	}
	if d.after == nil {
		l.dispute.carries(d.want)
		l.tell(d.report)
		return ctrl.Result{RequeueAfter: l.dispute.calm(l.now)}, nil
	}
	giveBack := func() {}
	if d.want == l.dispute.carried || len(replaced) > 0 {
		var wait time.Duration
		if giveBack, wait = l.dispute.repair(l.now); wait > 0 {
			logf.FromContext(ctx).Info("Holding back a write, for there were others a moment ago", "webhooks", d.changed, "wait", wait.String())
			l.tell(d.report)
			return ctrl.Result{RequeueAfter: wait}, nil
		}
	}
	if err := l.write(ctx, d); err != nil {
		giveBack()
		if apierrors.IsForbidden(err) {
			l.tell(d.report, notGranted(err))
		}
		return ctrl.Result{}, err
	}
	l.wrote(ctx, d, replaced)
	l.tell(d.report)
	return ctrl.Result{RequeueAfter: l.dispute.calm(l.now)}, nil
}

// lost reads live what somebody replaced, to see who: managedFields are not in a
// cache.
func (l *look) lost(ctx context.Context, name string) (decision, []string, error) {
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := l.live.Get(ctx, types.NamespacedName{Name: name}, v); err != nil {
		return decision{}, nil, fmt.Errorf("reading %s %s: %w", kind.Kind, name, err)
	}
	d, err := decide(v, l.mode, l.state)
	if err != nil {
		return decision{}, nil, err
	}
	replaced := d.replaced(l.dispute.carried)
	if len(replaced) > 0 {
		l.dispute.lose(l.now, writerOf(v, replaced))
	}
	return d, replaced, nil
}

// write goes by the webhooks' names, and to the object as it was read only.
func (l *look) write(ctx context.Context, d decision) error {
	patch := client.StrategicMergeFrom(d.before, client.MergeFromWithOptimisticLock{})
	if err := l.cluster.Patch(ctx, d.after.DeepCopy(), patch, client.FieldOwner(injector.Name)); err != nil {
		return fmt.Errorf("patching %s: %w", describe(d.before), err)
	}
	return nil
}
