package injector

import (
	"crypto/x509"
	"time"
)

// filledBundle is a caBundle that another controller was asked to fill.
type filledBundle struct {
	object, field, owner string
	caBundle             []byte
	name                 string
}

func (b filledBundle) verifies(leaf Leaf, now time.Time) bool {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(b.caBundle)
	v := newVerifier(Proof{Leaf: leaf, Now: now}, leaf.Certificate(), roots)
	return v.verify(x509.ExtKeyUsageServerAuth) == nil && leaf.Certificate().VerifyHostname(b.name) == nil
}

// checkBundleOwners refuses a certificate that a caBundle of another owner
// would not verify: no component may switch before the API server can follow.
func (r *resolver) checkBundleOwners(p Proof) {
	for _, b := range r.in.Installation.filledBundles() {
		if b.verifies(p.Leaf, p.Now) {
			continue
		}
		f := fault(ReasonBundleElsewhere, b.object, b.field,
			"%s fills it, and what it holds does not verify the certificate %s for %s; let it fill in the CA of this certificate, or remove the annotation that asks for it",
			b.owner, Subject(p.Leaf.Certificate()), b.name)
		f.Warning = r.in.Offline && len(b.caBundle) == 0
		r.add(f)
	}
}

// Overtaken names a caBundle that another owner fills with nothing that verifies leaf at
// now, which must not be the zero Leaf, and who that is; empty where there is none.
func (i Installation) Overtaken(leaf Leaf, now time.Time) string {
	for _, b := range i.filledBundles() {
		if !b.verifies(leaf, now) {
			return b.object + " " + b.field + ", which " + b.owner + " fills"
		}
	}
	return ""
}

func (i Installation) filledBundles() []filledBundle {
	var out []filledBundle
	if api := i.APIService; api != nil {
		if owner, owned := bundleOwner(api.Annotations); owned {
			out = append(out, filledBundle{"APIService " + api.Name, "spec.caBundle", owner, api.Spec.CABundle, i.serviceName(api.Spec.Service.Name)})
		}
	}
	vwc := i.ValidatingWebhook
	if vwc == nil {
		return out
	}
	owner, owned := bundleOwner(vwc.Annotations)
	for _, webhook := range vwc.Webhooks {
		service := webhook.ClientConfig.Service
		if owned && service != nil && service.Namespace == i.Namespace {
			out = append(out, filledBundle{"ValidatingWebhookConfiguration " + vwc.Name, "webhooks[" + webhook.Name + "].clientConfig.caBundle",
				owner, webhook.ClientConfig.CABundle, i.serviceName(service.Name)})
		}
	}
	return out
}

// unfilledBundle is an object whose caBundle nobody else fills, empty where there
// is none.
func (r *resolver) unfilledBundle() string {
	if api := r.in.Installation.APIService; api != nil {
		if _, owned := bundleOwner(api.Annotations); !owned {
			return "APIService " + api.Name
		}
	}
	if vwc := r.in.Installation.ValidatingWebhook; vwc != nil {
		if _, owned := bundleOwner(vwc.Annotations); !owned {
			return "ValidatingWebhookConfiguration " + vwc.Name
		}
	}
	return ""
}

// checkWebhookName tells of a ValidatingWebhookConfiguration that keda-trust may
// not write: its rights are for KEDA's usual name. Where KEDA issues, KEDA fills it.
func (r *resolver) checkWebhookName() {
	name := r.in.Installation.ValidatingWebhookName()
	if name == KEDAValidatingWebhook || r.in.Offline || r.state.KEDAIssues || len(r.state.CABundle) == 0 {
		return
	}
	r.add(warn(ReasonBundleNotGranted, "ValidatingWebhookConfiguration "+name, "clientConfig.caBundle",
		"is called so by KEDA's operator, with --%s, and keda-trust may write %s only; fill it in yourself, by cert-manager's cainjector for one, or take that flag away",
		flagValidatingWebhook, KEDAValidatingWebhook))
}
