package cabundle

import (
	"cmp"
	"context"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/notice"
)

// look is one pass over one namespace.
type look struct {
	*Reconciler
	audience notice.Audience
	mode     injector.Mode
	state    *injector.State
	dispute  *dispute
	now      time.Time
}

// loss is what somebody else replaced of what was as it is wanted.
type loss struct {
	webhooks []string
	by       []authorship
}

func (l *look) namespace() string { return l.audience.Namespace.Name }

func (l *look) reconcile(ctx context.Context, v *admissionregistrationv1.ValidatingWebhookConfiguration) (ctrl.Result, error) {
	d, err := decide(v, l.mode, l.state)
	if err != nil {
		return ctrl.Result{}, err
	}
	var lost loss
	replaced := len(d.replaced(l.dispute.carried)) > 0
	if l.mode == injector.ModeDisabled && d.after != nil || replaced {
		behind, err := l.podsBehind(ctx)
		if err != nil {
			return ctrl.Result{}, err
		}
		if len(behind) > 0 {
			l.waitFor(ctx, d, behind)
			return ctrl.Result{RequeueAfter: podsInterval}, nil
		}
	}
	l.dispute.waits = time.Time{}
	if replaced {
		if d, lost, err = l.again(ctx, v.Name); err != nil {
			return ctrl.Result{}, err
		}
	}
	if d.after == nil {
		l.dispute.carries(d.want)
		return l.done(d), nil
	}
	giveBack := func() {}
	if d.want == l.dispute.carried || len(lost.webhooks) > 0 {
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
	l.dispute.carries(d.want)
	l.wrote(ctx, d, lost)
	return l.done(d), nil
}

// again decides by the object as it is, and sees who replaced something: a cache
// has no managedFields.
func (l *look) again(ctx context.Context, name string) (decision, loss, error) {
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := l.live.Get(ctx, types.NamespacedName{Name: name}, v); err != nil {
		return decision{}, loss{}, fmt.Errorf("reading %s %s: %w", kind.Kind, name, err)
	}
	d, err := decide(v, l.mode, l.state)
	if err != nil {
		return decision{}, loss{}, err
	}
	lost := loss{webhooks: d.replaced(l.dispute.carried)}
	if len(lost.webhooks) > 0 {
		lost.by = authorsOf(v, lost.webhooks)
		l.dispute.lose(l.now, lost.by)
	}
	return d, lost, nil
}

// write goes by the webhooks' names, and to the object as it was read only.
func (l *look) write(ctx context.Context, d decision) error {
	patch := client.StrategicMergeFrom(d.before, client.MergeFromWithOptimisticLock{})
	if err := l.cluster.Patch(ctx, d.after.DeepCopy(), patch, client.FieldOwner(injector.Name)); err != nil {
		return fmt.Errorf("patching %s: %w", describe(d.before), err)
	}
	return nil
}

// done looks again when a contest is over, if nothing happens before, and otherwise
// often enough that what lasts is told before it is forgotten.
func (l *look) done(d decision) ctrl.Result {
	l.tell(d.report)
	return ctrl.Result{RequeueAfter: cmp.Or(l.dispute.calm(l.now), recheck)}
}
