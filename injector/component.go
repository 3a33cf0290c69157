package injector

import (
	"path"
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// Component is one of the three Deployments of KEDA; its values are those of
// AnnotationComponent.
type Component string

// The components of KEDA.
const (
	ComponentNone              Component = ""
	ComponentOperator          Component = "operator"
	ComponentMetricsAPIServer  Component = "metrics-apiserver"
	ComponentAdmissionWebhooks Component = "admission-webhooks"
)

// Components in the order in which their certificates are looked at.
var components = []Component{ComponentOperator, ComponentMetricsAPIServer, ComponentAdmissionWebhooks}

// RolloutOrder is that in which components restart, each when the one before is
// available. The operator is last, for the others ask it.
var RolloutOrder = []Component{ComponentAdmissionWebhooks, ComponentMetricsAPIServer, ComponentOperator}

// componentNone is the value of AnnotationComponent that denies recognition.
const componentNone = "none"

// binaries are what KEDA's images start.
var binaries = map[string]Component{
	"keda":                    ComponentOperator,
	"keda-adapter":            ComponentMetricsAPIServer,
	"keda-admission-webhooks": ComponentAdmissionWebhooks,
}

// images are the last path segments of KEDA's images, upstream's and Red Hat's,
// the latter without their suffix -rhel8 or -rhel9.
var images = map[string]Component{
	"keda":                                         ComponentOperator,
	"keda-operator":                                ComponentOperator,
	"custom-metrics-autoscaler":                    ComponentOperator,
	"keda-metrics-apiserver":                       ComponentMetricsAPIServer,
	"keda-metrics-adapter":                         ComponentMetricsAPIServer,
	"keda-adapter":                                 ComponentMetricsAPIServer,
	"custom-metrics-autoscaler-adapter":            ComponentMetricsAPIServer,
	"keda-admission-webhooks":                      ComponentAdmissionWebhooks,
	"custom-metrics-autoscaler-admission-webhooks": ComponentAdmissionWebhooks,
}

// Labels that manifests put on KEDA's Deployments.
const (
	labelName    = "app.kubernetes.io/name"
	labelPartOf  = "app.kubernetes.io/part-of"
	labelVersion = "app.kubernetes.io/version"
	labelChart   = "helm.sh/chart"
)

var (
	rhelSuffix = regexp.MustCompile(`-rhel[0-9]+$`)
	kedaChart  = regexp.MustCompile(`^keda-[0-9]`)
)

// Recognised is what a Deployment is to keda-trust. Container is the index of
// KEDA's container in the pod template, -1 where Component is ComponentNone.
type Recognised struct {
	Component Component
	Container int
	Version   Version
	Findings  []Finding
}

// Recognise tells which component of KEDA d is, by annotation, command, image
// and labels, in this order, whatever d is called. What keda-trust injected
// must have been taken out of d before: it would count as evidence of a version.
func Recognise(d *appsv1.Deployment) Recognised {
	component, findings := annotatedComponent(d)
	if component == componentNone {
		return Recognised{Container: -1}
	}
	r := recogniseContainer(d, component)
	r.Findings = append(findings, r.Findings...)
	if r.Component == ComponentNone {
		r.Container = -1
		return r
	}
	version, found := detectVersion(d, &d.Spec.Template.Spec.Containers[r.Container])
	r.Version, r.Findings = version, append(r.Findings, found...)
	return r
}

func annotatedComponent(d *appsv1.Deployment) (Component, []Finding) {
	value, ok := d.Annotations[AnnotationComponent]
	if !ok {
		return ComponentNone, nil
	}
	switch c := Component(strings.TrimSpace(value)); c {
	case ComponentOperator, ComponentMetricsAPIServer, ComponentAdmissionWebhooks, componentNone:
		return c, nil
	}
	return ComponentNone, []Finding{fault(ReasonOptionInvalid, describeDeployment(d), "metadata.annotations["+AnnotationComponent+"]",
		"%q is not a component: want operator, metrics-apiserver, admission-webhooks or none", value)}
}

func describeDeployment(d *appsv1.Deployment) string {
	return describeObject("Deployment", d.Namespace, d.Name)
}

// recogniseContainer finds the one container that shows KEDA by its command,
// then by its image; then it goes by labels. want limits it to one component.
func recogniseContainer(d *appsv1.Deployment, want Component) Recognised {
	byImage := func(c *corev1.Container) Component { return imageComponent(c.Image) }
	for _, evidence := range []func(*corev1.Container) Component{commandComponent, byImage} {
		found := matching(d, want, evidence)
		if len(found) == 1 {
			return found[0]
		}
		if len(found) > 1 {
			return Recognised{Findings: []Finding{fault(ReasonAmbiguous, describeDeployment(d), "spec.template.spec.containers",
				"containers %q and %q both are KEDA's: want one, or the annotation %s", containerName(d, found[0]), containerName(d, found[1]), AnnotationComponent)}}
		}
	}
	if want == ComponentNone {
		want = labelComponent(d.Labels)
	}
	if want == ComponentNone {
		return Recognised{}
	}
	return likelyContainer(d, want)
}

func matching(d *appsv1.Deployment, want Component, evidence func(*corev1.Container) Component) []Recognised {
	var found []Recognised
	containers := d.Spec.Template.Spec.Containers
	for i := range containers {
		c := evidence(&containers[i])
		if c != ComponentNone && (want == ComponentNone || want == c) {
			found = append(found, Recognised{Component: c, Container: i})
		}
	}
	return found
}

func containerName(d *appsv1.Deployment, r Recognised) string {
	return d.Spec.Template.Spec.Containers[r.Container].Name
}

// likelyContainer is the container of a Deployment that only its labels or its
// annotation show to be KEDA's: the only one, or the one of the same name.
func likelyContainer(d *appsv1.Deployment, component Component) Recognised {
	containers := d.Spec.Template.Spec.Containers
	if len(containers) == 1 {
		return Recognised{Component: component}
	}
	for i := range containers {
		if name := containers[i].Name; name == d.Name || name == d.Labels[labelName] {
			return Recognised{Component: component, Container: i}
		}
	}
	return Recognised{Findings: []Finding{fault(ReasonAmbiguous, describeDeployment(d), "spec.template.spec.containers",
		"none of the %d containers shows by command, image or name that it is KEDA's %s", len(containers), component)}}
}

func commandComponent(c *corev1.Container) Component {
	i := binaryIndex(c)
	if i < 0 {
		return ComponentNone
	}
	return binaries[path.Base(elementsOf(c)[i].text)]
}

func imageComponent(image string) Component {
	name, _ := splitImage(image)
	return images[rhelSuffix.ReplaceAllString(name, "")]
}

// splitImage returns the last path segment of the repository and the tag.
func splitImage(image string) (name, tag string) {
	image, _, _ = strings.Cut(image, "@")
	name = image[strings.LastIndex(image, "/")+1:] // a registry's port is before it
	name, tag, _ = strings.Cut(name, ":")
	return name, tag
}

// labelComponent goes by labels alone, which are not enough unless they name
// both the component and KEDA: the chart puts component "operator" on all three
// and lets everything be renamed.
func labelComponent(labels map[string]string) Component {
	name, partOf := labels[labelName], labels[labelPartOf]
	chart := kedaChart.MatchString(labels[labelChart])
	if !chart && partOf != "keda-operator" {
		return ComponentNone
	}
	switch {
	case name == "keda-operator", chart && name != "" && name == partOf:
		return ComponentOperator
	case name == "keda-metrics-apiserver", strings.HasSuffix(name, "-metrics-apiserver"):
		return ComponentMetricsAPIServer
	case name == "admission-webhooks", name == "keda-admission-webhooks":
		return ComponentAdmissionWebhooks
	}
	return ComponentNone
}
