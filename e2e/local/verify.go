package local

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/injector"
)

// OperatorDeployment is the one component that has custom CAs.
const OperatorDeployment = "keda-operator"

// Verify says what of a stored object is not as the state wants it.
func Verify(object *unstructured.Unstructured, state *injector.State) []error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf(Title(object)+": "+format, args...))
	}
	if object.GetKind() != "Deployment" {
		return verifyBundle(object, state)
	}
	if annotations := object.GetAnnotations(); !state.CarriedBy(annotations) {
		fault("annotation %s is %q, which is not that of the published state %s", injector.AnnotationStateID, annotations[injector.AnnotationStateID], state.ID)
	}
	if label := object.GetLabels()[injector.LabelState]; label != injector.StateInjected {
		fault("label %s is %q", injector.LabelState, label)
	}
	if secret := sources(object, injector.VolumeCertificates, "secret"); len(secret) != 1 || secret[0] != state.CertificateSecret {
		fault("volume %s holds Secrets %q, published is %q", injector.VolumeCertificates, secret, state.CertificateSecret)
	}
	if object.GetName() != OperatorDeployment {
		return faults
	}
	if roots := sources(object, injector.VolumeCustomCA, "configMap"); len(roots) != 1 || roots[0] != state.CustomCAConfigMap {
		fault("volume %s holds ConfigMaps %q, published is %q", injector.VolumeCustomCA, roots, state.CustomCAConfigMap)
	}
	return faults
}

func verifyBundle(object *unstructured.Unstructured, state *injector.State) []error {
	encoded, _, err := unstructured.NestedString(object.Object, "spec", "caBundle")
	if err != nil {
		return []error{fmt.Errorf("%s: reading spec.caBundle: %w", Title(object), err)}
	}
	bundle, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return []error{fmt.Errorf("%s: decoding spec.caBundle: %w", Title(object), err)}
	}
	if len(bundle) == 0 || !bytes.Equal(bundle, state.CABundle) {
		return []error{fmt.Errorf("%s: spec.caBundle is not the published one", Title(object))}
	}
	return nil
}

// sources names the Secrets or ConfigMaps of a Deployment's volume, whether it
// is one of them or projects them.
func sources(object *unstructured.Unstructured, volume, kind string) []string {
	volumes, _, err := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "volumes")
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range volumes {
		content, ok := entry.(map[string]any)
		if !ok || content["name"] != volume {
			continue
		}
		// A volume calls it secretName, a projection calls it name.
		if name, found, err := unstructured.NestedString(content, "secret", "secretName"); err == nil && found {
			names = append(names, name)
		}
		projected, _, err := unstructured.NestedSlice(content, "projected", "sources")
		if err != nil {
			return nil
		}
		for _, source := range projected {
			from, ok := source.(map[string]any)
			if !ok {
				continue
			}
			if name, found, err := unstructured.NestedString(from, kind, "name"); err == nil && found {
				names = append(names, name)
			}
		}
	}
	return names
}
