package trust

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/notice"
)

// tellPublication tells what was published, and each CA that KEDA's scalers now
// trust, or no longer do.
func (r *Reconciler) tellPublication(to notice.Audience, done publication, resolution injector.Resolution, have standing) {
	r.teller.Event(to, corev1.EventTypeNormal, injector.ReasonPublished, publishedNote(resolution, have.state))
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

// publishedNote goes by the state that was published before, nil for none.
func publishedNote(r injector.Resolution, before *injector.State) string {
	note := fmt.Sprintf("state %s: %s, %s", r.State.ID, certificateNote(r), customCANote(r))
	if r.State.Unstaged(before) {
		note += "; this change of certificate is not staged, and handshakes may fail until KEDA's pods have restarted"
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
