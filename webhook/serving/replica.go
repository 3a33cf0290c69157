package serving

import (
	"context"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// replica is what every process does: it sees to it that there is a usable
// Secret, that the caBundles hold its CAs, and that the Authority uses the
// current one. It has one worker, so its memory needs no lock.
type replica struct {
	store
	authority *Authority

	// remembered is the last usable content of the Secret.
	remembered *Certificates
	// seen is since when the candidate has been in every caBundle without a break.
	seen map[string]time.Time
}

func newReplica(s store, authority *Authority) *replica {
	return &replica{store: s, authority: authority, seen: map[string]time.Time{}}
}

func (r *replica) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	again := reconcile.Result{RequeueAfter: r.opts.Recheck}
	secret, configuration, err := r.read(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	c := Certificates{}
	if secret != nil {
		c = Parse(secret)
	}
	now := r.opts.Clock.Now()
	if decision := r.opts.Decide(c, now); decision.Action == Repair {
		if err := r.repair(ctx, secret, configuration, c, decision.Reason); err != nil {
			return reconcile.Result{}, err
		}
		return again, nil
	}
	r.remembered = &c
	if err := r.publish(ctx, configuration, c); err != nil {
		return reconcile.Result{}, err
	}
	if wait := r.follow(ctx, configuration, c, now); wait > 0 {
		again.RequeueAfter = min(wait, r.opts.Recheck)
	}
	return again, nil
}

// repair puts back what is remembered, else keeps a usable current CA and lets
// go of the rest, else makes a new one.
func (r *replica) repair(ctx context.Context, secret *corev1.Secret, configuration *admissionregistrationv1.MutatingWebhookConfiguration, c Certificates, reason Reason) error {
	repaired, how, err := r.replacement(c)
	if err != nil {
		return fmt.Errorf("repairing Secret %s (%s): %w", r.opts.secretKey(), reason, err)
	}
	// What is served stays trusted also where the caBundle was damaged as well.
	if err := r.publish(ctx, configuration, Certificates{}); err != nil {
		return err
	}
	ours, err := r.save(ctx, secret, repaired)
	if err != nil || !ours {
		return err
	}
	log.FromContext(ctx).Info("Repaired the serving CA", "reason", reason, "how", how, "fault", faultText(c))
	if how == generated {
		rotations.WithLabelValues(string(reason)).Inc()
	}
	return nil
}

// How the Secret was repaired, for the log.
const (
	restored  = "restored"
	kept      = "kept"
	generated = "generated"
)

func (r *replica) replacement(c Certificates) (Certificates, string, error) {
	now := r.opts.Clock.Now()
	if r.remembered != nil && now.Before(r.remembered.Current.Certificate.NotAfter) {
		return *r.remembered, restored, nil
	}
	repaired := Certificates{Current: c.Current, Requested: c.Requested, Rotated: c.Rotated}
	if c.Current != nil && now.Before(c.Current.Certificate.NotAfter) {
		return repaired, kept, nil
	}
	made, err := NewCA(now, r.opts.CALifetime)
	// New material is all that a forced rotation could ask for.
	repaired.Current, repaired.Rotated = made, c.Requested
	return repaired, generated, err
}

func faultText(c Certificates) string {
	if c.Fault == nil {
		return ""
	}
	return c.Fault.Error()
}

// publish adds to the caBundles what they lack of c and of the CA in use.
func (r *replica) publish(ctx context.Context, configuration *admissionregistrationv1.MutatingWebhookConfiguration, c Certificates) error {
	if configuration == nil {
		log.FromContext(ctx).V(1).Info("There is no MutatingWebhookConfiguration yet", "name", r.opts.ConfigurationName)
		return nil
	}
	return r.add(ctx, configuration, trusted(c, r.authority))
}

// follow lets the Authority use the current CA as soon as it may, and returns how
// long that is not to be.
func (r *replica) follow(ctx context.Context, configuration *admissionregistrationv1.MutatingWebhookConfiguration, c Certificates, now time.Time) time.Duration {
	r.look(configuration, c, now)
	since, published := r.seen[string(c.Current.Certificate.Raw)]
	if !published {
		return 0 // the caBundle's own event comes next
	}
	serving := r.authority.Serving()
	if serving != nil && serving.Certificate.Equal(c.Current.Certificate) {
		return 0
	}
	verifies := serving != nil && now.Before(serving.Certificate.NotAfter) && inEveryBundle(configuration, serving.Certificate)
	if left := since.Add(r.opts.ForcedDwell).Sub(now); verifies && left > 0 {
		return left
	}
	r.authority.Use(c.Current)
	notAfter.Set(float64(c.Current.Certificate.NotAfter.Unix()))
	log.FromContext(ctx).Info("Serving with another CA", "subject", c.Current.Certificate.Subject.CommonName, "notAfter", c.Current.Certificate.NotAfter)
	return 0
}

// look counts for how long current and next have been in every caBundle.
func (r *replica) look(configuration *admissionregistrationv1.MutatingWebhookConfiguration, c Certificates, now time.Time) {
	seen := map[string]time.Time{}
	for _, certificate := range c.Trusted() {
		if !inEveryBundle(configuration, certificate) {
			continue
		}
		since, known := r.seen[string(certificate.Raw)]
		if !known {
			since = now
		}
		seen[string(certificate.Raw)] = since
	}
	r.seen = seen
}
