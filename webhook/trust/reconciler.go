package trust

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/consumers"
	"github.com/keda-trust/keda-trust/webhook/notice"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

// Reconciler keeps what is published for one namespace true. Requests are
// Namespaces, by name.
type Reconciler struct {
	options   Options
	reader    Reader
	publisher publisher
	observer  consumers.Observer
	teller    *notice.Teller
	episodes  *episodes
	watch     *watch.Informers
}

// NewReconciler wires a Reconciler that reads by live, which must not be a
// cache. Without SetupWithManager it watches no sources.
func NewReconciler(live client.Reader, writer client.Writer, recorder events.EventRecorder, o Options) *Reconciler {
	for _, namespace := range o.Namespaces {
		fromStart(namespace)
	}
	return &Reconciler{
		options:   o,
		reader:    Reader{Live: live, Now: o.now},
		publisher: publisher{live: live, writer: writer},
		observer:  consumers.Observer{Live: live, Dial: o.dial(), Bound: o.convergenceTimeout()},
		teller:    notice.New(recorder, o.now),
		episodes:  newEpisodes(),
		watch:     watch.New(nil),
	}
}

// Reconcile publishes for a Namespace that is enabled, tells for one that is
// audited, and leaves what is published alone for all others.
//
//	label      granted   published       told
//	enabled    yes       what is proven  changes, faults
//	audit      yes       nothing         what would be, faults
//	enabled…   no        nothing         NamespaceNotGranted
//	disabled   yes       no state        nothing
//	disabled   no        nothing         nothing
//	unknown    any       nothing         OptionInvalid
//	none       yes       nothing         Released, once, where a state exists
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	ns := &corev1.Namespace{}
	err := r.reader.Live.Get(ctx, types.NamespacedName{Name: request.Name}, ns)
	if apierrors.IsNotFound(err) || (err == nil && ns.DeletionTimestamp != nil) {
		r.rest(request.Name)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading Namespace %s: %w", request.Name, err)
	}
	mode, findings := injector.ParseMode(ns.Name, ns.Labels)
	switch {
	case len(findings) > 0:
		return r.refuse(ctx, ns, findings)
	case mode == injector.ModeUnmanaged:
		r.rest(ns.Name)
		return ctrl.Result{}, r.release(ctx, ns)
	case mode == injector.ModeDisabled:
		r.rest(ns.Name)
		return ctrl.Result{}, r.retire(ctx, ns.Name)
	case !r.granted(ns.Name):
		return r.refuse(ctx, ns, []injector.Finding{injector.NamespaceNotGranted(ns.Name)})
	}
	result, err := r.reconcile(ctx, ns, mode)
	if apierrors.IsForbidden(err) {
		r.tellRefused(notice.Audience{Namespace: ns, Ungranted: true}, []injector.Finding{{
			Reason: injector.ReasonNamespaceNotGranted, Object: "Namespace " + ns.Name, Message: fmt.Sprintf("keda-trust lacks a right that its chart grants: %v", err),
		}})
	}
	return result, err
}

// refuse leaves everything as it is, and tells why for as long as that lasts, though no
// event is to come.
func (r *Reconciler) refuse(ctx context.Context, ns *corev1.Namespace, findings []injector.Finding) (ctrl.Result, error) {
	r.watch.Set(ns.Name, nil)
	granted := r.granted(ns.Name)
	r.tellRefused(notice.Audience{Namespace: ns, Ungranted: !granted}, findings)
	again := ctrl.Result{RequeueAfter: recheckUnresolved}
	if !granted {
		return again, nil
	}
	have, err := r.standing(ctx, ns.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	stands := viewOf(have)
	stands.findings = findings
	if err := r.measure(ctx, ns.Name, stands); err != nil {
		return ctrl.Result{}, err
	}
	return again, nil
}

func (r *Reconciler) tellRefused(to notice.Audience, findings []injector.Finding) {
	r.count(to.Namespace.Name, findings)
	r.teller.Findings(to, findings)
	published.told(to.Namespace.Name, findings)
}

// rest ends the watches of a namespace, and what was told of it is forgotten.
func (r *Reconciler) rest(namespace string) {
	r.watch.Set(namespace, nil)
	r.teller.Forget(namespace)
	r.episodes.forget(namespace)
	published.drop(namespace)
}

func (r *Reconciler) granted(namespace string) bool {
	return slices.Contains(r.options.Namespaces, namespace)
}

func (r *Reconciler) reconcile(ctx context.Context, ns *corev1.Namespace, mode injector.Mode) (ctrl.Result, error) {
	seen, err := r.reader.read(ctx, ns, nil)
	if err != nil {
		return ctrl.Result{}, err
	}
	resolution := seen.resolution
	targets := seen.targets
	if resolution.State != nil && resolution.State.CustomCAConfigMap != "" {
		targets = append(targets, watch.ConfigMap(ns.Name, resolution.State.CustomCAConfigMap))
	}
	r.watch.Set(ns.Name, targets)
	to := audienceOf(ns, seen.installation)
	have, err := r.standing(ctx, ns.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	came := outcome{published: viewOf(have)}
	findings := resolution.Findings
	r.count(ns.Name, findings)
	switch {
	case resolution.State == nil:
	case mode == injector.ModeAudit:
		would, err := r.audit(ctx, seen, have)
		if err != nil {
			return ctrl.Result{}, err
		}
		findings = append(findings, would...)
	default:
		if came, err = r.publish(ctx, to, seen, have); err != nil {
			return ctrl.Result{}, err
		}
		findings = append(findings, came.findings...)
	}
	r.log(ctx, findings)
	r.teller.Findings(to, findings)
	came.published.findings = findings
	if err := r.measure(ctx, ns.Name, came.published); err != nil {
		return ctrl.Result{}, err
	}
	if resolution.State != nil && mode == injector.ModeEnabled {
		if err := r.publisher.prune(ctx, ns.Name, r.options.now()); err != nil {
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{RequeueAfter: sooner(r.after(resolution), came.again)}, nil
}

// sooner is a, or b where that is set and comes first.
func sooner(a, b time.Duration) time.Duration {
	if b > 0 {
		return min(a, b)
	}
	return a
}

// after is when to look again though nothing has told of a change.
func (r *Reconciler) after(resolution injector.Resolution) time.Duration {
	longest := recheck
	if resolution.State == nil || len(injector.Faults(resolution.Findings)) > 0 {
		longest = recheckUnresolved
	}
	if resolution.Revisit.IsZero() {
		return longest
	}
	const moment = time.Second // the certificate is valid up to and with its end
	return min(longest, max(moment, resolution.Revisit.Sub(r.options.now())+moment))
}

func (r *Reconciler) count(namespace string, findings []injector.Finding) {
	for _, f := range injector.Faults(findings) {
		faults.WithLabelValues(namespace, string(f.Reason)).Inc()
	}
}

// log has a fault at every look, for it holds up what was asked for.
func (r *Reconciler) log(ctx context.Context, findings []injector.Finding) {
	log := logf.FromContext(ctx)
	for _, f := range findings {
		if f.Warning {
			log.V(1).Info("Worth telling", "reason", f.Reason, "object", f.Object, "field", f.Field, "message", f.Message)
			continue
		}
		log.Info("Refused, so what is published of it stays", "reason", f.Reason, "object", f.Object, "field", f.Field, "message", f.Message)
	}
}
