package trust

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/notice"
)

// tellPublication tells what was published, and each CA that KEDA's scalers now
// trust, or no longer do.
func (r *Reconciler) tellPublication(to notice.Audience, done publication, now rotation, have standing) {
	resolution := now.resolution
	r.teller.Event(to, corev1.EventTypeNormal, injector.ReasonPublished, publishedNote(resolution, now.unstaged(have.state)))
	if !done.state {
		return
	}
	before := have.customCAs
	for _, cert := range resolution.CustomCAs.Certificates() {
		if !before.Contains(cert) {
			r.teller.Event(to, corev1.EventTypeNormal, injector.ReasonCustomCAAdded, injector.Describe(cert))
		}
	}
	for _, cert := range before.Certificates() {
		if !resolution.CustomCAs.Contains(cert) {
			r.teller.Event(to, corev1.EventTypeNormal, injector.ReasonCustomCARemoved, injector.Describe(cert))
		}
	}
}

// audienceOf is the Namespace and KEDA's operator in it, where that is there.
func audienceOf(namespace *corev1.Namespace, found injector.Installation) notice.Audience {
	to := notice.Audience{Namespace: namespace}
	if operator := found.Deployments[injector.ComponentOperator]; operator != nil {
		to.Also = operator
	}
	return to
}

// audit tells what would be published.
func (r *Reconciler) audit(ctx context.Context, seen reading, have standing) ([]injector.Finding, error) {
	would, err := r.plan(ctx, seen, have)
	if err != nil {
		return nil, err
	}
	return append(would.findings(), injector.Finding{
		Reason: injector.ReasonAudit, Object: "Namespace " + seen.installation.Namespace, Warning: true,
		Message: "would publish " + publishedNote(would.resolution, would.unstaged(have.state)),
	}), nil
}

// publishedNote says why a change is not staged where unstaged is not empty.
func publishedNote(r injector.Resolution, unstaged string) string {
	note := fmt.Sprintf("state %s: %s, %s", r.State.ID, certificateNote(r), customCANote(r))
	if unstaged != "" {
		note += "; " + unstaged
	}
	return note
}

func certificateNote(r injector.Resolution) string {
	switch {
	case r.State.KEDAIssues:
		return "the certificate is KEDA's own, Secret " + r.State.CertificateSecret
	case r.State.CertificateSecret == "":
		return "certificates are left as they are"
	}
	leaf, err := injector.ParseLeaf(r.Secret["tls.crt"], r.Secret["tls.key"])
	if err != nil {
		return "the certificate in Secret " + r.State.CertificateSecret
	}
	return "the certificate " + leaf.String()
}

func customCANote(r injector.Resolution) string {
	if r.State.CustomCAConfigMap == "" {
		return "no custom CAs"
	}
	if n := r.CustomCAs.Len(); n != 1 {
		return fmt.Sprintf("%d custom CAs in ConfigMap %s", n, r.State.CustomCAConfigMap)
	}
	return "1 custom CA in ConfigMap " + r.State.CustomCAConfigMap
}
