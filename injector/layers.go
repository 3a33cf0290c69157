package injector

import (
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
)

// Layer is what one object, or a command line, asks for.
type Layer struct {
	// Object is who asks: "Namespace keda", "command line".
	Object string
	// Annotations may hold others than those of keda-trust.
	Annotations map[string]string
	// Flags: each annotation was given as the flag of its name.
	Flags bool

	deployment bool // where annotations have a meaning that are no options
}

var optionKeys = map[string]bool{
	AnnotationCertificate: true, AnnotationCertificateCA: true, AnnotationCertDir: true,
	AnnotationCustomCA: true, AnnotationCustomCADir: true, AnnotationRollout: true, AnnotationRotation: true,
}

// objectKeys are known annotations of Deployments that are not options.
var objectKeys = map[string]bool{
	AnnotationComponent: true, AnnotationVersion: true, AnnotationStateID: true,
	AnnotationInjected: true, AnnotationNudge: true,
}

// Options reads what layers ask for, of which the later wins, key by key. The
// annotations of the operator's Deployment, where it is visible, win over all.
// Every fault is reported at once, and names the object that it stands on.
func (i Installation) Options(layers ...Layer) (Options, []Finding) {
	if d := i.Deployments[ComponentOperator]; d != nil {
		layers = append(slices.Clip(layers), layerOf(d))
	}
	return parseLayers(layers)
}

func layerOf(d *appsv1.Deployment) Layer {
	return Layer{Object: describeDeployment(d), Annotations: d.Annotations, deployment: true}
}

// mistaken are warnings of what is wrong with the annotations of a component, which are
// options on the operator only. It is injected all the same: what comes in may be what
// is to run.
func mistaken(d *appsv1.Deployment, component Component) []Finding {
	l := layerOf(d)
	if component == ComponentOperator {
		_, findings := parseLayers([]Layer{l})
		return asWarnings(findings)
	}
	findings := l.unknownKeys()
	for _, key := range slices.Sorted(maps.Keys(optionKeys)) {
		if _, found := d.Annotations[key]; found {
			findings = append(findings, l.origin(key).fault(ReasonOptionInvalid, "is read on the Namespace and on the operator's Deployment, and has no meaning here"))
		}
	}
	return asWarnings(findings)
}

// lay puts the options of l over those below.
func (p *optionParser) lay(l Layer) {
	for key, value := range l.Annotations {
		if optionKeys[key] {
			p.values[key], p.origins[key] = value, l.origin(key)
		}
	}
	p.findings = append(p.findings, l.unknownKeys()...)
}

func (l Layer) unknownKeys() []Finding {
	var keys []string
	for key := range l.Annotations {
		if strings.HasPrefix(key, Domain+"/") && !optionKeys[key] && (!l.deployment || !objectKeys[key]) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var findings []Finding
	for _, key := range keys {
		message := "is not known: known are certificate, certificate-ca, cert-dir, custom-ca, custom-ca-dir, rollout and rotation"
		if l.deployment {
			message += ", and on Deployments component and version"
		}
		switch {
		case key == LabelInject:
			message = "is a label, not an annotation: kubectl label namespace NAME " + LabelInject + "=enabled"
		case objectKeys[key]:
			message = "has a meaning on Deployments only"
		}
		findings = append(findings, l.origin(key).fault(ReasonOptionInvalid, "%s", message))
	}
	return findings
}

// origin is where an option is set, or is to be set.
type origin struct{ object, field string }

func (l Layer) origin(key string) origin {
	if l.Flags {
		return origin{l.Object, "--" + strings.TrimPrefix(key, Domain+"/")}
	}
	return origin{l.Object, "annotations[" + key + "]"}
}

func (o origin) fault(reason Reason, format string, args ...any) Finding {
	return fault(reason, o.object, o.field, format, args...)
}

func (o origin) warn(reason Reason, format string, args ...any) Finding {
	return warn(reason, o.object, o.field, format, args...)
}

// origin is where an option stands, else the Namespace, where it would belong.
func (o Options) origin(namespace, key string) origin {
	if set, found := o.origins[key]; found {
		return set
	}
	return Layer{Object: "Namespace " + namespace}.origin(key)
}
