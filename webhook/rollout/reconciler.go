package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/notice"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

// Reconciler carries out in one namespace what is published for it. Requests are
// Namespaces, by name, of which it takes one at a time.
type Reconciler struct {
	options  Options
	live     client.Reader
	writer   client.Writer
	teller   *notice.Teller
	watch    *watch.Informers
	memories map[string]*memories
}

// NewReconciler wires a Reconciler that reads by live, which must not be a
// cache. Without SetupWithManager it watches nothing.
func NewReconciler(live client.Reader, writer client.Writer, recorder events.EventRecorder, o Options) *Reconciler {
	for _, namespace := range o.Namespaces {
		fromStart(namespace)
	}
	return &Reconciler{
		options:  o,
		live:     live,
		writer:   writer,
		teller:   notice.New(recorder, o.now),
		watch:    watch.New(nil),
		memories: map[string]*memories{},
	}
}

// Reconcile nudges what does not stand as it should. Of what is wrong with a
// Namespace the controller of the published state tells.
//
//	label      granted   nudged
//	enabled    yes       what does not carry the published state
//	disabled   yes       what carries anything of ours
//	any other  any       nothing
//	any        no        nothing
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	ns := &corev1.Namespace{}
	err := r.live.Get(ctx, types.NamespacedName{Name: request.Name}, ns)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("reading Namespace %s: %w", request.Name, err)
	}
	mode, _ := injector.ParseMode(ns.Name, ns.Labels)
	active := mode == injector.ModeEnabled || mode == injector.ModeDisabled
	if apierrors.IsNotFound(err) || ns.DeletionTimestamp != nil || !active || !r.granted(ns.Name) {
		r.watch.Set(request.Name, nil)
		delete(r.memories, request.Name)
		return ctrl.Result{}, nil
	}
	p := &pass{Reconciler: r, namespace: ns, mode: mode, now: r.options.now(), memories: r.remember(ns.Name)}
	ahead, err := p.goAhead(ctx)
	if err == nil {
		err = p.readDeployments(ctx)
	}
	if err != nil {
		return ctrl.Result{}, errors.Join(ahead, err)
	}
	p.follow()
	err = errors.Join(ahead, p.carryOut(ctx))
	r.watch.Set(ns.Name, p.targets())
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: p.after()}, nil
}

func (r *Reconciler) granted(namespace string) bool {
	return slices.Contains(r.options.Namespaces, namespace)
}

func (r *Reconciler) remember(namespace string) *memories {
	if r.memories[namespace] == nil {
		r.memories[namespace] = &memories{objects: map[string]*memory{}}
	}
	return r.memories[namespace]
}
