package cabundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/patched"
)

var kind = admissionregistrationv1.SchemeGroupVersion.WithKind("ValidatingWebhookConfiguration")

// decision is what is to become of the object, and why.
type decision struct {
	report injector.Report
	// want tells two wishes apart: the ID of the state, else why there is none.
	want string
	// before and after are the object without its managedFields; after is nil where
	// nothing differs.
	before, after *admissionregistrationv1.ValidatingWebhookConfiguration
	// changed are the webhooks whose caBundle is another in after. recorded are
	// those that had got the one of after before, by the object's own record.
	changed, recorded []string
	// unrecorded: the object has no record of ours.
	unrecorded bool
}

// decide asks the seam.
func decide(v *admissionregistrationv1.ValidatingWebhookConfiguration, mode injector.Mode, state *injector.State) (decision, error) {
	d := decision{before: v.DeepCopy()}
	d.before.SetGroupVersionKind(kind)
	d.before.ManagedFields = nil
	raw, err := json.Marshal(d.before)
	if err != nil {
		return decision{}, fmt.Errorf("encoding %s: %w", describe(v), err)
	}
	result := injector.Inject(injector.Request{Object: raw, OldObject: raw, Mode: mode, State: state})
	d.report, d.want = result.Report, string(result.Report.Reason)
	if result.Report.Reason == injector.ReasonInjected {
		d.want = state.ID
		d.recorded = injector.RecordedBundles(v.Annotations, state.CABundle)
	}
	_, found := v.Annotations[injector.AnnotationInjected]
	d.unrecorded = !found
	if len(result.Patch) == 0 {
		return d, nil
	}
	changed, err := patched.Object(raw, result)
	if err != nil {
		return decision{}, fmt.Errorf("%s: %w", describe(v), err)
	}
	d.after = &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := json.Unmarshal(changed, d.after); err != nil {
		return decision{}, fmt.Errorf("decoding the patched %s: %w", describe(v), err)
	}
	for i := range d.after.Webhooks {
		if !bytes.Equal(d.before.Webhooks[i].ClientConfig.CABundle, d.after.Webhooks[i].ClientConfig.CABundle) {
			d.changed = append(d.changed, d.after.Webhooks[i].Name)
		}
	}
	return d, nil
}

// replaced are the webhooks that had the caBundle that is wanted, and have it no
// longer: by the record, or where the record went with it, because the object
// carried what is wanted when we last looked.
func (d decision) replaced(carried string) []string {
	if d.unrecorded && d.want == carried {
		return d.changed
	}
	return slices.DeleteFunc(slices.Clone(d.changed), func(webhook string) bool { return !slices.Contains(d.recorded, webhook) })
}

// namespaceOf is that of the first Service, which is KEDA's; empty where there is
// none.
func namespaceOf(v *admissionregistrationv1.ValidatingWebhookConfiguration) string {
	for _, webhook := range v.Webhooks {
		if service := webhook.ClientConfig.Service; service != nil {
			return service.Namespace
		}
	}
	return ""
}

func describe(v *admissionregistrationv1.ValidatingWebhookConfiguration) string {
	return kind.Kind + " " + v.Name
}
