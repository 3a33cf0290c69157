package serving

import (
	"context"
	"crypto/x509"
	"slices"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// leader is what one process does: it carries out the rotation step by step, each
// a write of the Secret, and removes from the caBundles what is over. The adding
// is left to the replicas, of which it is one.
type leader struct {
	store
	authority *Authority
	strays    strays
}

func newLeader(s store, authority *Authority) *leader {
	return &leader{store: s, authority: authority, strays: strays{}}
}

func (l *leader) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	again := reconcile.Result{RequeueAfter: l.opts.Recheck}
	secret, configuration, err := l.read(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	if secret == nil || configuration == nil {
		return again, nil
	}
	c := Parse(secret)
	c.NextInBundle = c.Next != nil && inEveryBundle(configuration, c.Next.Certificate)
	now := l.opts.Clock.Now()
	decision := l.opts.Decide(c, now)
	switch decision.Action {
	case Repair: // each replica does that, the one in this process too
	case Keep:
		again.RequeueAfter = min(decision.After, l.opts.Recheck)
		err = l.prune(ctx, configuration, c, now)
	default:
		err = l.rotate(ctx, secret, c, decision, now)
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	return again, nil
}

// rotate takes one step. What comes next, a lost race too, is told by an event.
func (l *leader) rotate(ctx context.Context, secret *corev1.Secret, c Certificates, decision Decision, now time.Time) error {
	changed, err := l.step(c, decision, now)
	if err != nil || changed == nil {
		return err
	}
	ours, err := l.save(ctx, secret, *changed)
	if err != nil || !ours {
		return err
	}
	log.FromContext(ctx).Info("Rotating the serving CA", "action", decision.Action, "reason", decision.Reason)
	if decision.Action == Promote {
		rotations.WithLabelValues(string(decision.Reason)).Inc()
	}
	return nil
}

// step returns the content of the Secret after the decision, or nil where it
// stays and others have to act first.
func (l *leader) step(c Certificates, decision Decision, now time.Time) (*Certificates, error) {
	switch decision.Action {
	case Stage:
		next, err := NewCA(now, l.opts.CALifetime)
		if err != nil {
			return nil, err
		}
		c.Next, c.Why, c.NextPublished = next, decision.Reason, time.Time{}
		// One rotation answers all that was asked until it began, by time or not.
		c.Rotated = c.Requested
	case Publish:
		if !c.NextInBundle && c.NextPublished.IsZero() {
			return nil, nil
		}
		c.NextPublished = time.Time{}
		if c.NextInBundle {
			c.NextPublished = now
		}
	case Promote:
		c.Previous = append(slices.Clone(c.Previous), c.Current.Certificate)
		c.Current, c.Next, c.Promoted = c.Next, nil, now
	case Drop:
		for _, certificate := range c.Previous {
			l.strays[string(certificate.Raw)] = c.Promoted
		}
		c.Previous = nil
	}
	return &c, nil
}

// prune removes from the caBundles what has belonged to nothing for so long that
// no leaf of it can be served any more.
func (l *leader) prune(ctx context.Context, configuration *admissionregistrationv1.MutatingWebhookConfiguration, c Certificates, now time.Time) error {
	var bundled []*x509.Certificate
	for _, webhook := range configuration.Webhooks {
		bundled = union(bundled, parseBundle(webhook.ClientConfig.CABundle))
	}
	l.strays.note(bundled, trusted(c, l.authority), now)
	return l.rebundle(ctx, configuration, func(have []*x509.Certificate) []*x509.Certificate {
		return l.strays.without(have, l.opts.LeafLifetime+l.opts.Dwell, now)
	})
}
