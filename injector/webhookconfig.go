package injector

import (
	"bytes"
	"cmp"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

// webhooksView holds the fields of a ValidatingWebhookConfiguration that
// injection may change.
type webhooksView struct {
	Metadata metadataView  `json:"metadata"`
	Webhooks []webhookView `json:"webhooks,omitempty"`
}

type webhookView struct {
	ClientConfig struct {
		CABundle []byte `json:"caBundle,omitempty"`
	} `json:"clientConfig"`
}

func viewWebhooks(v *admissionregistrationv1.ValidatingWebhookConfiguration) webhooksView {
	view := webhooksView{
		Metadata: metadataView{Labels: v.Labels, Annotations: v.Annotations},
		Webhooks: make([]webhookView, len(v.Webhooks)),
	}
	for i, hook := range v.Webhooks {
		view.Webhooks[i].ClientConfig.CABundle = hook.ClientConfig.CABundle
	}
	return view
}

func (j *job) webhookConfiguration() Result {
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := json.Unmarshal(j.request.Object, v); err != nil {
		return j.unreadable(err)
	}
	if !j.isKEDAs(v) || len(serviceWebhooks(v)) == 0 {
		return j.left(ReasonPassedThrough)
	}
	r, findings := j.bundleRecordOf(v.Annotations)
	if result, settled := j.settle(findings, v.Labels, v.Annotations); settled {
		return result
	}
	if j.taken(v.Labels) {
		return j.finishWebhooks(v, uninjectWebhooks(v, r))
	}
	state := j.request.State
	// Where KEDA issues it rewrites all of this object, on every event.
	if state == nil || state.KEDAIssues || len(state.CABundle) == 0 {
		return j.withoutBundle()
	}
	after, err := injectWebhooks(v, r, state)
	if err != nil {
		return j.unreadable(err)
	}
	if faults := j.tooLarge(after.Annotations); len(faults) > 0 {
		j.tell(faults)
		return j.because(faults, nil)
	}
	j.report.Injected = true
	return j.finishWebhooks(v, after)
}

// isKEDAs goes by the name, and, to take out what was injected, by the record:
// the operator that tells the name may be out of sight.
func (j *job) isKEDAs(v *admissionregistrationv1.ValidatingWebhookConfiguration) bool {
	_, recorded := v.Annotations[AnnotationInjected]
	return v.Name == cmp.Or(j.request.ValidatingWebhook, KEDAValidatingWebhook) || recorded && j.request.Mode == ModeDisabled
}

func (j *job) finishWebhooks(before, after *admissionregistrationv1.ValidatingWebhookConfiguration) Result {
	var would []string
	for i, hook := range before.Webhooks {
		field := "webhooks[" + hook.Name + "].clientConfig.caBundle"
		would = append(would, describeBundleEdit(field, hook.ClientConfig.CABundle, after.Webhooks[i].ClientConfig.CABundle)...)
	}
	return j.finishBundle(viewWebhooks(before), viewWebhooks(after), would)
}

// serviceWebhooks are the indexes of the webhooks that are a Service: only
// those are KEDA's.
func serviceWebhooks(v *admissionregistrationv1.ValidatingWebhookConfiguration) []int {
	var out []int
	for i, hook := range v.Webhooks {
		if hook.ClientConfig.Service != nil {
			out = append(out, i)
		}
	}
	return out
}

func injectWebhooks(v *admissionregistrationv1.ValidatingWebhookConfiguration, r bundleRecord, state *State) (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	after := v.DeepCopy()
	var next bundleRecord
	for _, i := range serviceWebhooks(v) {
		hook := &after.Webhooks[i]
		was, ours := r.original(hook.Name, hook.ClientConfig.CABundle)
		if !ours && bytes.Equal(hook.ClientConfig.CABundle, state.CABundle) {
			continue
		}
		hook.ClientConfig.CABundle = state.CABundle
		next.Bundles = append(next.Bundles, bundleEdit{Key: hook.Name, Was: was, Now: digest(state.CABundle)})
	}
	return after, next.write(&after.Annotations)
}

func uninjectWebhooks(v *admissionregistrationv1.ValidatingWebhookConfiguration, r bundleRecord) *admissionregistrationv1.ValidatingWebhookConfiguration {
	after := v.DeepCopy()
	for _, i := range serviceWebhooks(v) {
		config := &after.Webhooks[i].ClientConfig
		config.CABundle, _ = r.original(after.Webhooks[i].Name, config.CABundle)
	}
	delete(after.Annotations, AnnotationInjected)
	return after
}

// NamespaceOf reads the namespace of the Service that an APIService or a
// ValidatingWebhookConfiguration points to; empty where it points to none.
func NamespaceOf(raw []byte) (string, error) {
	type service struct {
		Namespace string `json:"namespace"`
	}
	var object struct {
		Spec struct {
			Service service `json:"service"`
		} `json:"spec"`
		Webhooks []struct {
			ClientConfig struct {
				Service service `json:"service"`
			} `json:"clientConfig"`
		} `json:"webhooks"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return "", fmt.Errorf("reading the Service that an object points to: %w", err)
	}
	if object.Spec.Service.Namespace != "" {
		return object.Spec.Service.Namespace, nil
	}
	for _, hook := range object.Webhooks {
		if hook.ClientConfig.Service.Namespace != "" {
			return hook.ClientConfig.Service.Namespace, nil
		}
	}
	return "", nil
}
