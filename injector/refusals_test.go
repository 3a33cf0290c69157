package injector

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// bundled is an APIService with a caBundle of so many bytes.
func bundled(t testing.TB, size int) []byte {
	t.Helper()
	bundle := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), size))
	return asJSON(t, `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec: {caBundle: `+bundle+`, service: {name: keda-metrics-apiserver, namespace: keda}}`)
}

// An API server refuses a write whose annotations are too large, and the record
// holds what it replaced.
func TestWhatAnAPIServerWouldRefuseIsLeftAsItCame(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 260<<10)
	objects := map[string][]byte{
		"an APIService": bundled(t, 200<<10),
		"a ValidatingWebhookConfiguration": asJSON(t, `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: keda-admission, annotations: {theirs: `+large+`}}
webhooks: [{name: vscaledobject.kb.io, clientConfig: {service: {name: keda-admission-webhooks, namespace: keda}}}]`),
		"a Deployment": edited(t, operatorAsStored(t), func(d *appsv1.Deployment) { d.Annotations = map[string]string{"theirs": large} }),
	}
	for name, object := range objects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Inject(Request{Object: object, Mode: ModeEnabled, State: publishedState(t)})
			if r.Report.Injected || r.Report.Reason != ReasonRecordTooLarge || strings.Contains(asYAML(t, patched(t, object, r.Patch)), AnnotationInjected) {
				t.Errorf("report %+v, %d operations; want it refused, with the reason", r.Report, len(r.Patch))
			}
		})
	}
	if r := Inject(Request{Object: bundled(t, 100<<10), Mode: ModeEnabled, State: publishedState(t)}); !r.Report.Injected {
		t.Errorf("what fits is not injected: %+v", r.Report)
	}
}

func TestAnnotationsWithoutAMeaningOnADeploymentAreTold(t *testing.T) {
	t.Parallel()
	annotated := func(key string) []byte {
		return asJSON(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: keda-metrics-apiserver, namespace: keda, annotations: {`+key+`: secret/x}}
spec: {template: {spec: {containers: [{name: keda-metrics-apiserver, image: ghcr.io/kedacore/keda-metrics-apiserver:2.17.3, args: [--secure-port=6443]}]}}}`)
	}
	for key, want := range map[string]string{
		Domain + "/verson": "annotations[" + Domain + "/verson]: is not known",
		AnnotationCustomCA: "annotations[" + AnnotationCustomCA + "]: is read on the Namespace and on the operator's Deployment",
	} {
		r := Inject(Request{Object: annotated(key), Mode: ModeEnabled, State: publishedState(t)})
		if len(r.Report.Warnings) != 1 || !strings.Contains(r.Report.Warnings[0], want) || !r.Report.Injected {
			t.Errorf("%s: warnings %q, injected %t; want a warning that it %s, and the injection", key, r.Report.Warnings, r.Report.Injected, want)
		}
	}
	operator := edited(t, operatorAsStored(t), func(d *appsv1.Deployment) { d.Annotations = map[string]string{AnnotationCertificate: "foo"} })
	r := Inject(Request{Object: operator, Mode: ModeEnabled, State: publishedState(t)})
	if len(r.Report.Warnings) != 1 || !strings.Contains(r.Report.Warnings[0], `"foo" has no kind; allowed are keda`) || !r.Report.Injected {
		t.Errorf("warnings of the operator %q, injected %t", r.Report.Warnings, r.Report.Injected)
	}
	if r := Inject(Request{Object: annotated(AnnotationComponent), Mode: ModeEnabled, State: publishedState(t)}); r.Report.Reason != ReasonOptionInvalid {
		t.Errorf("a component that is none is not refused: %+v", r.Report)
	}
}

// Whoever came to own the caBundle later may have left ours, and our record, there.
func TestWhatAnotherOwnsByNowIsTakenOutWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	before := bundled(t, 3)
	live := asYAML(t, settled(t, before, nil, publishedState(t)))
	owned := asJSON(t, strings.Replace(live, "  annotations:\n", "  annotations:\n    cert-manager.io/inject-ca-from: keda/c\n", 1))
	assertNoChange(t, Request{Object: owned, Mode: ModeEnabled, State: publishedState(t)})
	r := Inject(Request{Object: owned, Mode: ModeDisabled})
	out := asYAML(t, patched(t, owned, r.Patch))
	if strings.Contains(out, AnnotationInjected) || !strings.Contains(out, "inject-ca-from") || r.Report.Reason != ReasonUninjected {
		t.Errorf("un-injected for %s it is\n%s", r.Report.Reason, out)
	}
}
