package injector

import (
	appsv1 "k8s.io/api/apps/v1"
)

// CABundle is a caBundle of one of KEDA's objects that is keda-trust's to fill.
type CABundle struct {
	// Object and Field name it, as findings do.
	Object, Field string
	// PEM is what it holds.
	PEM []byte
}

// CABundles are those of the APIService and of the webhooks that call this
// installation, without those of objects that another fills, or that opted out.
func (i Installation) CABundles() []CABundle {
	var out []CABundle
	if api := i.APIService; api != nil && ours(api.Labels, api.Annotations) {
		out = append(out, CABundle{Object: "APIService " + api.Name, Field: "spec.caBundle", PEM: api.Spec.CABundle})
	}
	vwc := i.ValidatingWebhook
	if vwc == nil || !ours(vwc.Labels, vwc.Annotations) {
		return out
	}
	for _, hook := range vwc.Webhooks {
		if service := hook.ClientConfig.Service; service != nil && service.Namespace == i.Namespace {
			out = append(out, CABundle{
				Object: "ValidatingWebhookConfiguration " + vwc.Name, Field: "webhooks[" + hook.Name + "].clientConfig.caBundle", PEM: hook.ClientConfig.CABundle,
			})
		}
	}
	return out
}

// ours says whether the caBundle of an object with these labels and annotations
// is keda-trust's to fill.
func ours(labels, annotations map[string]string) bool {
	_, owned := bundleOwner(annotations)
	return !owned && labels[LabelInject] != string(ModeDisabled)
}

// Restarting is a Deployment that another certificate reaches by a restart only.
type Restarting struct {
	Component  Component
	Deployment *appsv1.Deployment
	// Digest is the State.CertificateDigest that its template carries, empty where
	// it carries none (yet).
	Digest string
}

// Restarting are the components that read their certificate only at their start,
// without those that opted out.
func (i Installation) Restarting() []Restarting {
	var out []Restarting
	for _, component := range components {
		p, there := i.part(component)
		if !there || p.deployment.Labels[LabelInject] == string(ModeDisabled) || !readsOnce(component, Recognise(p.deployment).Version) {
			continue
		}
		live := i.Deployments[component]
		r := Restarting{Component: component, Deployment: live}
		if c := containerIndex(live, p.container.Name); c >= 0 {
			env := live.Spec.Template.Spec.Containers[c].Env
			if e := envIndex(env, EnvCertificate); e >= 0 {
				r.Digest = env[e].Value
			}
		}
		out = append(out, r)
	}
	return out
}
