package injector

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// openShiftSources are what the OLM operator of KEDA projects into the
// certificate volumes on OpenShift, where it runs a CA of its own and writes
// its manifests again and again.
var openShiftSources = map[string]bool{
	"Secret keda-operator-certs":           true,
	"Secret keda-metrics-apiserver-certs":  true,
	"Secret keda-admission-webhooks-certs": true,
	"ConfigMap keda-ocp-cabundle":          true,
}

// StandBack tells why a component of KEDA is left alone because another
// operator manages its certificates; the reason is empty where nobody does.
func StandBack(d *appsv1.Deployment) (Reason, string) {
	for _, volume := range d.Spec.Template.Spec.Volumes {
		for _, source := range projectedSources(volume) {
			if openShiftSources[source] {
				return ReasonOwnedElsewhere, fmt.Sprintf("volume %q projects %s, which KEDA's operator for OLM manages on OpenShift", volume.Name, source)
			}
		}
	}
	return "", ""
}

func projectedSources(volume corev1.Volume) []string {
	if volume.Projected == nil {
		return nil
	}
	var out []string
	for _, source := range volume.Projected.Sources {
		if source.Secret != nil {
			out = append(out, "Secret "+source.Secret.Name)
		}
		if source.ConfigMap != nil {
			out = append(out, "ConfigMap "+source.ConfigMap.Name)
		}
	}
	return out
}

// StandBack tells why the whole installation is left alone; the reason is empty
// where it is not.
func (i Installation) StandBack() (Reason, string) {
	for _, component := range components {
		d := i.Deployments[component]
		if d == nil {
			continue
		}
		if reason, message := StandBack(d); reason != "" {
			return reason, describeDeployment(d) + ": " + message
		}
	}
	return "", ""
}

// bundleOwners are the annotations that ask another controller to fill a
// caBundle, and who that is. Those that are switches count if they say "true".
var bundleOwners = []struct {
	annotation, owner string
	isSwitch          bool
}{
	{"cert-manager.io/inject-ca-from", "cert-manager's cainjector", false},
	{"cert-manager.io/inject-ca-from-secret", "cert-manager's cainjector", false},
	{"cert-manager.io/inject-apiserver-ca", "cert-manager's cainjector", true},
	{"service.beta.openshift.io/inject-cabundle", "OpenShift's service CA", true},
	{"service.alpha.openshift.io/inject-cabundle", "OpenShift's service CA", true},
}

// bundleOwner names who was asked to fill the caBundle of an APIService or
// ValidatingWebhookConfiguration with these annotations.
func bundleOwner(annotations map[string]string) (owner string, owned bool) {
	for _, known := range bundleOwners {
		value := strings.TrimSpace(annotations[known.annotation])
		if value == "" || (known.isSwitch && value != "true") {
			continue
		}
		return known.owner, true
	}
	return "", false
}
