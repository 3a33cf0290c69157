package injector

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestStandBackOnlyForWhatOpenShiftProjects(t *testing.T) {
	t.Parallel()
	secret := func(name string) corev1.VolumeProjection {
		return corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}
	}
	configMap := func(name string) corev1.VolumeProjection {
		return corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}
	}
	cases := map[string]struct {
		sources []corev1.VolumeProjection
		want    string
	}{
		"the operator's serving certificate":    {[]corev1.VolumeProjection{secret("keda-operator-certs"), secret("kedaorg-certs")}, "Secret keda-operator-certs"},
		"the CA of OpenShift behind another":    {[]corev1.VolumeProjection{secret("mine"), configMap("keda-ocp-cabundle")}, "ConfigMap keda-ocp-cabundle"},
		"a projection of the user's":            {[]corev1.VolumeProjection{secret("kedaorg-certs"), configMap("corp-roots")}, ""},
		"a ConfigMap with the name of a Secret": {[]corev1.VolumeProjection{configMap("keda-operator-certs")}, ""},
		"a projection of a token":               {[]corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{}}}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := operator()
			d.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "certificates", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: tc.sources}}}}
			reason, message := StandBack(d)
			if (reason == ReasonOwnedElsewhere) != (tc.want != "") || !strings.Contains(message, tc.want) {
				t.Errorf("%q %q, want OwnedElsewhere with %q", reason, message, tc.want)
			}
			whole, message := mustInstall(t, d).StandBack()
			if whole != reason || (reason != "" && !strings.Contains(message, "keda/keda-operator")) {
				t.Errorf("the installation says %q %q, its Deployment %q", whole, message, reason)
			}
		})
	}
	if reason, message := StandBack(withSecret(operator(), "keda-operator-certs", "/certs")); reason != "" {
		t.Errorf("a Secret volume that only has the name: %q %q, want nothing", reason, message)
	}
}

func TestBundleOwnerIsWhoWasAsked(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ annotation, value, owner string }{
		"cert-manager by Certificate":         {"cert-manager.io/inject-ca-from", "keda/keda-operator-tls-certificates", "cert-manager's cainjector"},
		"cert-manager by Secret":              {"cert-manager.io/inject-ca-from-secret", "keda/kedaorg-ca", "cert-manager's cainjector"},
		"cert-manager by the API server's CA": {"cert-manager.io/inject-apiserver-ca", "true", "cert-manager's cainjector"},
		"OpenShift":                           {"service.beta.openshift.io/inject-cabundle", "true", "OpenShift's service CA"},
		"a switch that is off":                {"service.beta.openshift.io/inject-cabundle", "false", ""},
		"an empty value":                      {"cert-manager.io/inject-ca-from", "", ""},
		"another annotation":                  {"cert-manager.io/issuer", "x", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			owner, owned := bundleOwner(map[string]string{tc.annotation: tc.value, "other": "true"})
			if owner != tc.owner || owned != (tc.owner != "") {
				t.Errorf("owner %q (%t), want %q", owner, owned, tc.owner)
			}
		})
	}
}
