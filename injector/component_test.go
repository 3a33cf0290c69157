package injector

import (
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRecogniseEveryDeploymentOfEveryManifest(t *testing.T) {
	t.Parallel()
	eachManifest(t, func(t *testing.T, file string, objects []expectedObject) {
		deployments := readManifest[appsv1.Deployment](t, file, "Deployment")
		seen := 0
		for _, want := range objects {
			if want.Kind != "Deployment" {
				continue
			}
			seen++
			d := deployments[want.Name]
			if d == nil {
				t.Fatalf("there is no Deployment %s", want.Name)
			}
			checkRecognised(t, d, want)
		}
		if seen != len(deployments) {
			t.Errorf("%d Deployments are expected, there are %d", seen, len(deployments))
		}
	})
}

func checkRecognised(t *testing.T, d *appsv1.Deployment, want expectedObject) {
	t.Helper()
	got := Recognise(d)
	if len(got.Findings) > 0 {
		t.Errorf("%s: findings %v, want none", d.Name, got.Findings)
	}
	if want.Component == ComponentNone {
		want.ContainerIndex = -1
	}
	if got.Component != want.Component || got.Container != want.ContainerIndex {
		t.Fatalf("%s is %q in container %d, want %q in %d", d.Name, got.Component, got.Container, want.Component, want.ContainerIndex)
	}
	if got.Component == ComponentNone {
		return
	}
	c := &d.Spec.Template.Spec.Containers[got.Container]
	a := mustParseArgv(t, c)
	for flag, values := range want.Flags {
		if !reflect.DeepEqual(a.all(flag), values) {
			t.Errorf("%s: --%s is %q, want %q", d.Name, flag, a.all(flag), values)
		}
	}
	certDir := DefaultCertDir
	if dirs := want.Flags[flagCertDir]; len(dirs) > 0 {
		certDir = dirs[len(dirs)-1] // one of the manifests repeats it
	}
	if got := certDirInUse(got.Component, c); got != certDir {
		t.Errorf("%s: certificate directory %q, want %q", d.Name, got, certDir)
	}
}

// deployment builds one from containers; edit may change it.
func deployment(name string, edit func(*appsv1.Deployment), containers ...corev1.Container) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "keda"}}
	d.Spec.Template.Spec.Containers = containers
	if edit != nil {
		edit(d)
	}
	return d
}

func withLabels(pairs ...string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Labels = pairsOf(pairs) }
}

func withAnnotations(pairs ...string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Annotations = pairsOf(pairs) }
}

func pairsOf(pairs []string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

func image(name, image string, command ...string) corev1.Container {
	return corev1.Container{Name: name, Image: image, Command: command}
}

// recognition is what Recognise has to say of a Deployment.
type recognition struct {
	deployment *appsv1.Deployment
	component  Component
	container  int
}

func assertRecognised(t *testing.T, cases map[string]recognition) {
	t.Helper()
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Recognise(want.deployment)
			if got.Component != want.component || got.Container != want.container || len(got.Findings) > 0 {
				t.Errorf("recognised %q in container %d, findings %v; want %q in %d", got.Component, got.Container, got.Findings, want.component, want.container)
			}
		})
	}
}

const imageDigest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// proxy is a sidecar.
var proxy = image("istio-proxy", "docker.io/istio/proxyv2:1.24.0")

func TestRecogniseGoesByTheImage(t *testing.T) {
	t.Parallel()
	assertRecognised(t, map[string]recognition{
		"another name, a private registry with port, tag and digest": {
			deployment("scaler", nil, image("main", "registry.corp.example:5000/mirror/keda:1.2.3-corp"+imageDigest)), ComponentOperator, 0},
		"a registry with port and no tag": {
			deployment("scaler", nil, image("main", "localhost:5000/keda-metrics-apiserver")), ComponentMetricsAPIServer, 0},
		"a digest alone": {
			deployment("scaler", nil, image("main", "ghcr.io/kedacore/keda-admission-webhooks"+imageDigest)), ComponentAdmissionWebhooks, 0},
		"an image without registry": {
			deployment("scaler", nil, image("main", "keda")), ComponentOperator, 0},
		"a shell, by the image": {
			deployment("scaler", nil, image("main", "ghcr.io/kedacore/keda:2.17.2", "sh", "-c", "/keda")), ComponentOperator, 0},
		"a sidecar before, by the image": {
			deployment("keda-operator", nil, proxy, image("keda-operator", "ghcr.io/kedacore/keda:2.20.2")), ComponentOperator, 1},
		"Red Hat's operator": {
			deployment("keda-operator", nil, image("keda-operator", "registry.redhat.io/custom-metrics-autoscaler/custom-metrics-autoscaler-rhel8"+imageDigest)), ComponentOperator, 0},
		"Red Hat's adapter": {
			deployment("x", nil, image("x", "registry.redhat.io/custom-metrics-autoscaler/custom-metrics-autoscaler-adapter-rhel9:2.15.1-4")), ComponentMetricsAPIServer, 0},
		"Red Hat's webhooks": {
			deployment("x", nil, image("x", "registry.redhat.io/custom-metrics-autoscaler/custom-metrics-autoscaler-admission-webhooks-rhel9:2.15.1")), ComponentAdmissionWebhooks, 0},
		"KEDA's image that is told which of its binaries": {
			deployment("x", nil, corev1.Container{Image: "bitnami/keda:2.17.2", Args: []string{"keda-adapter"}}), ComponentMetricsAPIServer, 0},
	})
}

func TestRecogniseGoesByTheCommandFirst(t *testing.T) {
	t.Parallel()
	assertRecognised(t, map[string]recognition{
		"the command, where the image has a name of the company's": {
			deployment("scaler", nil, image("main", "corp/base:7", "/opt/bin/keda-adapter")), ComponentMetricsAPIServer, 0},
		"the command wins over the image": {
			deployment("scaler", nil, image("main", "bitnami/keda:2.17.2", "keda-admission-webhooks")), ComponentAdmissionWebhooks, 0},
		"the first of the args, without a command": {
			deployment("scaler", nil, corev1.Container{Image: "corp/base", Args: []string{"/usr/local/bin/keda-adapter", "--v=0"}}), ComponentMetricsAPIServer, 0},
		"a wrapper before the binary": {
			deployment("scaler", nil, image("main", "corp/base", "tini", "--", "/keda")), ComponentOperator, 0},
		"a wrapper that sets a variable": {
			deployment("scaler", nil, image("main", "corp/base", "env", "DIR=/etc/keda", "/keda-adapter")), ComponentMetricsAPIServer, 0},
		"a sidecar before": {
			deployment("keda-operator", nil, proxy, image("keda-operator", "ghcr.io/kedacore/keda:2.20.2", "/keda")), ComponentOperator, 1},
		"a sidecar with KEDA's image and another command": {
			deployment("keda-operator", nil, image("debug", "ghcr.io/kedacore/keda:2.20.2", "/bin/true"), image("keda-operator", "ghcr.io/kedacore/keda:2.20.2", "/keda")), ComponentOperator, 1},
	})
}

func TestRecogniseGoesByLabelsThatNameKEDAAndTheComponent(t *testing.T) {
	t.Parallel()
	assertRecognised(t, map[string]recognition{
		"labels of the chart, under the operator's own name": {
			deployment("scaler", withLabels(labelChart, "keda-2.20.2", labelName, "scaler", labelPartOf, "scaler"), image("scaler", "corp/scaler:7")), ComponentOperator, 0},
		"labels of the chart, metrics under the operator's own name": {
			deployment("scaler-metrics-apiserver", withLabels(labelChart, "keda-2.20.2", labelName, "scaler-metrics-apiserver", labelPartOf, "scaler"), image("x", "corp/adapter:7")), ComponentMetricsAPIServer, 0},
		"labels of the release manifests, a sidecar before": {
			deployment("keda-admission", withLabels(labelName, "admission-webhooks", labelPartOf, "keda-operator"), proxy, image("keda-admission", "corp/adm:7")), ComponentAdmissionWebhooks, 1},
		"a label that does not say KEDA": {
			deployment("prometheus", withLabels(labelName, "prometheus-metrics-apiserver", labelPartOf, "prometheus"), image("x", "corp/x:7")), ComponentNone, -1},
		"a label that says KEDA and no component": {
			deployment("x", withLabels(labelChart, "keda-2.20.2", labelName, "x"), image("x", "corp/x:7")), ComponentNone, -1},
		"a chart whose name begins like KEDA's": {
			deployment("keda-operator", withLabels(labelChart, "keda-add-ons-http-0.15.0", labelName, "keda-operator"), image("x", "corp/x:7")), ComponentNone, -1},
		"a name alone": {
			deployment("keda-operator", nil, image("keda-operator", "corp/x:7")), ComponentNone, -1},
		"no containers at all": {
			deployment("keda-operator", withLabels(labelName, "x")), ComponentNone, -1},
	})
}

func TestRecogniseGoesByTheAnnotationBeforeAll(t *testing.T) {
	t.Parallel()
	assertRecognised(t, map[string]recognition{
		"an annotation that denies it": {
			deployment("keda-operator", withAnnotations(AnnotationComponent, "none"), image("keda", "ghcr.io/kedacore/keda:2.20.2", "/keda")), ComponentNone, -1},
		"an annotation, where nothing else shows it": {
			deployment("x", withAnnotations(AnnotationComponent, "operator"), image("x", "corp/x:7")), ComponentOperator, 0},
		"an annotation, and the container of the Deployment's name": {
			deployment("x", withAnnotations(AnnotationComponent, "metrics-apiserver"), proxy, image("x", "corp/x:7")), ComponentMetricsAPIServer, 1},
		"an annotation that picks one of two components": {
			deployment("all", withAnnotations(AnnotationComponent, "metrics-apiserver"), image("a", "corp/x", "/keda"), image("b", "corp/x", "/keda-adapter")), ComponentMetricsAPIServer, 1},
	})
}

func TestRecogniseLeavesOtherPrograms(t *testing.T) {
	t.Parallel()
	assertRecognised(t, map[string]recognition{
		"KEDA only in an init container": {
			deployment("app", func(d *appsv1.Deployment) {
				d.Spec.Template.Spec.InitContainers = []corev1.Container{image("init", "ghcr.io/kedacore/keda:2.20.2", "/keda")}
			}, proxy), ComponentNone, -1},
		"Red Hat's operator for OLM is not KEDA": {
			deployment("x", nil, image("x", "registry.redhat.io/custom-metrics-autoscaler/custom-metrics-autoscaler-operator-rhel9:2.15.1", "/manager")), ComponentNone, -1},
		"KEDA's operator for OLM is not KEDA": {
			deployment("keda-olm-operator", withLabels(labelName, "keda-olm-operator", labelPartOf, "keda-olm-operator"), image("keda-olm-operator", "ghcr.io/kedacore/keda-olm-operator:2.20.1", "/manager")), ComponentNone, -1},
		"the HTTP add-on is not KEDA": {
			deployment("keda-add-ons-http-operator", withLabels(labelName, "http", labelPartOf, "keda"), image("operator", "ghcr.io/kedacore/http-add-on-operator:0.15.0")), ComponentNone, -1},
		"another program that is told about KEDA": {
			deployment("x", nil, image("x", "corp/kubectl:1.37", "kubectl", "-n", "keda", "get", "pods")), ComponentNone, -1},
		"another image that is told about KEDA": {
			deployment("x", nil, corev1.Container{Image: "corp/watch:7", Args: []string{"keda"}}), ComponentNone, -1},
	})
}

func TestRecogniseTellsWhatItCannotDecide(t *testing.T) {
	t.Parallel()
	keda := image("one", "corp/x", "/keda")
	other := keda
	other.Name = "two"
	cases := map[string]struct {
		deployment *appsv1.Deployment
		reason     Reason
		message    string
		component  Component
	}{
		"two containers start KEDA": {
			deployment("x", nil, keda, other), ReasonAmbiguous, `"one" and "two"`, ComponentNone},
		"an annotation, and no container that shows it": {
			deployment("x", withAnnotations(AnnotationComponent, "operator"), image("a", "corp/a"), image("b", "corp/b")), ReasonAmbiguous, "none of the 2 containers", ComponentNone},
		"an annotation, and no container": {
			deployment("x", withAnnotations(AnnotationComponent, "operator")), ReasonAmbiguous, "none of the 0 containers", ComponentNone},
		"an annotation that names no component": {
			deployment("x", withAnnotations(AnnotationComponent, "Operator"), keda), ReasonOptionInvalid, `"Operator" is not a component`, ComponentOperator},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Recognise(tc.deployment)
			if got.Component != tc.component {
				t.Errorf("recognised %q, want %q", got.Component, tc.component)
			}
			wantFault(t, got.Findings, tc.reason, tc.message)
		})
	}
}

// wantFault is one fault, and nothing else.
func wantFault(t *testing.T, findings []Finding, reason Reason, message string) {
	t.Helper()
	if len(findings) != 1 || findings[0].Reason != reason || findings[0].Warning || !strings.Contains(findings[0].Message, message) {
		t.Errorf("findings %v, want the one fault %s with %q", findings, reason, message)
	}
}
