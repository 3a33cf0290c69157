package injector

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CABundle is a caBundle of one of KEDA's objects that is keda-trust's to fill.
type CABundle struct {
	// Object and Field name it, as findings do.
	Object, Field string
	// PEM is what it holds.
	PEM []byte
	// Written is when keda-trust last wrote the object, zero where it never has.
	Written time.Time
}

// CABundles are those of the APIService and of the webhooks that call this
// installation, without those of objects that another fills, or that opted out.
func (i Installation) CABundles() []CABundle {
	var out []CABundle
	if api := i.APIService; api != nil && ours(api.Labels, api.Annotations) {
		out = append(out, CABundle{Object: "APIService " + api.Name, Field: "spec.caBundle", PEM: api.Spec.CABundle, Written: LastWritten(api.ManagedFields)})
	}
	vwc := i.ValidatingWebhook
	if vwc == nil || !ours(vwc.Labels, vwc.Annotations) {
		return out
	}
	for _, hook := range vwc.Webhooks {
		if service := hook.ClientConfig.Service; service != nil && service.Namespace == i.Namespace {
			out = append(out, CABundle{
				Object: "ValidatingWebhookConfiguration " + vwc.Name, Field: "webhooks[" + hook.Name + "].clientConfig.caBundle",
				PEM: hook.ClientConfig.CABundle, Written: LastWritten(vwc.ManagedFields),
			})
		}
	}
	return out
}

// ours says whether the caBundle of an object with these labels and annotations
// is keda-trust's to fill.
func ours(labels, annotations map[string]string) bool {
	_, owned := bundleOwner(annotations)
	return !owned && !optedOut(labels)
}

func optedOut(labels map[string]string) bool { return labels[LabelInject] == string(ModeDisabled) }

// LastWritten is when keda-trust last wrote the object of these managed fields, by the
// API server's clock, in whole seconds; zero where it never has.
func LastWritten(fields []metav1.ManagedFieldsEntry) time.Time {
	var last time.Time
	for _, entry := range fields {
		if entry.Manager == Name && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}

// Mounting is a Deployment whose pods are to have the published certificate.
type Mounting struct {
	Component  Component
	Deployment *appsv1.Deployment
	// Published: its template mounts PublishedSecret wherever it reads its
	// certificate from.
	Published bool
	// ReadsOnce: another certificate reaches it by a restart only.
	ReadsOnce bool
	// Digest is the State.CertificateDigest that the template of one that reads once
	// carries, empty where it carries none (yet).
	Digest string
}

// Mountings are those of the components that are there, without those that opted
// out.
func (i Installation) Mountings() []Mounting {
	var out []Mounting
	for _, component := range components {
		d := i.Deployments[component]
		if d == nil || i.OptedOut(component) {
			continue
		}
		recognised := Recognise(restored(d))
		out = append(out, Mounting{
			Component: component, Deployment: d, Published: i.mountsPublished(component),
			ReadsOnce: readsOnce(component, recognised.Version), Digest: digestIn(d, recognised),
		})
	}
	return out
}

// OptedOut says whether a component keeps the certificate that its user gave it,
// because its Deployment says so.
func (i Installation) OptedOut(component Component) bool {
	d := i.Deployments[component]
	return d != nil && optedOut(d.Labels)
}

func (i Installation) mountsPublished(component Component) bool {
	for _, mounts := range [][]Mounted{i.ServingMounts(component), i.PeerMounts(component)} {
		m, _, found := MountedFile(mounts, "tls.crt")
		if !found || m.Source.Kind != SourceSecret || m.Source.Name != PublishedSecret {
			return false
		}
	}
	return true
}

// digestIn looks into KEDA's container of d, which is the same in what was
// recognised without what was injected: injection adds no containers.
func digestIn(d *appsv1.Deployment, r Recognised) string {
	if r.Container < 0 {
		return ""
	}
	env := d.Spec.Template.Spec.Containers[r.Container].Env
	if e := envIndex(env, EnvCertificate); e >= 0 {
		return env[e].Value
	}
	return ""
}
