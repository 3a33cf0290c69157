package injector

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// Installation is KEDA in one namespace as far as it can be seen: what is nil
// or missing is not known, and nothing is concluded from it.
type Installation struct {
	Namespace         string
	Deployments       map[Component]*appsv1.Deployment
	APIService        *apiregistrationv1.APIService
	ValidatingWebhook *admissionregistrationv1.ValidatingWebhookConfiguration
}

// NewInstallation picks KEDA's components out of the Deployments of namespace.
// api and vwc may be nil and only count where they point to a Service in it.
// Two Deployments of one component are a fault.
func NewInstallation(namespace string, deployments []*appsv1.Deployment, api *apiregistrationv1.APIService,
	vwc *admissionregistrationv1.ValidatingWebhookConfiguration,
) (Installation, []Finding) {
	i := Installation{Namespace: namespace, Deployments: map[Component]*appsv1.Deployment{}}
	var findings []Finding
	for _, d := range sortedByName(deployments) {
		component := Recognise(restored(d)).Component
		if component == ComponentNone {
			continue
		}
		if first := i.Deployments[component]; first != nil {
			findings = append(findings, ambiguous(component, first, d))
			continue
		}
		i.Deployments[component] = d
	}
	if api != nil && api.Spec.Service != nil && api.Spec.Service.Namespace == namespace {
		i.APIService = api
	}
	if vwc != nil && len(webhookServices(vwc, namespace)) > 0 {
		i.ValidatingWebhook = vwc
	}
	return i, findings
}

func ambiguous(component Component, first, second *appsv1.Deployment) Finding {
	object := describeDeployment(second)
	if first.Name == second.Name { // of a command line
		return fault(ReasonAmbiguous, object, "", "is given more than once: want one")
	}
	return fault(ReasonAmbiguous, object, "",
		"is KEDA's %s as %s is: want one, or the annotation %s: none on the other", component, describeDeployment(first), AnnotationComponent)
}

func sortedByName(deployments []*appsv1.Deployment) []*appsv1.Deployment {
	return slices.SortedFunc(slices.Values(deployments), func(a, b *appsv1.Deployment) int { return strings.Compare(a.Name, b.Name) })
}

// part is a component as its user wrote it, without what was injected.
type part struct {
	deployment *appsv1.Deployment
	container  *corev1.Container
	args       argv
}

// part is not known where the Deployment is not visible or does not start KEDA
// directly; the latter is told when it is injected.
func (i Installation) part(component Component) (part, bool) {
	d := i.Deployments[component]
	if d == nil {
		return part{}, false
	}
	d = restored(d)
	r := Recognise(d)
	if r.Component != component {
		return part{}, false
	}
	c := &d.Spec.Template.Spec.Containers[r.Container]
	args, err := parseArgv(c)
	return part{deployment: d, container: c, args: args}, err == nil
}

// flag is the value of a flag with its variables replaced, as far as they are
// known; a value with an unknown one is not known.
func (p part) flag(name, namespace string) (string, bool) {
	value, ok := p.args.last(name)
	if !ok {
		return "", false
	}
	if value = expand(value, p.container.Env, namespace); strings.Contains(value, "$(") {
		return "", false
	}
	return value, true
}

var variable = regexp.MustCompile(`\$\([A-Za-z_][A-Za-z0-9_.-]*\)`)

// expand replaces $(VARIABLE) as the kubelet does, for literal variables and
// the Pod's own namespace.
func expand(text string, env []corev1.EnvVar, namespace string) string {
	return variable.ReplaceAllStringFunc(text, func(reference string) string {
		name := reference[2 : len(reference)-1]
		for _, e := range slices.Backward(env) { // the last of a name counts
			switch {
			case e.Name != name:
				continue
			case e.ValueFrom == nil:
				return e.Value
			case e.ValueFrom.FieldRef != nil && e.ValueFrom.FieldRef.FieldPath == "metadata.namespace":
				return namespace
			}
			return reference
		}
		return reference
	})
}

// KEDAIssues tells whether the operator creates and rotates the certificate
// itself; known is false where the operator, or what it is told, is not.
func (i Installation) KEDAIssues() (issues, known bool) {
	operator, ok := i.part(ComponentOperator)
	if !ok {
		return false, false
	}
	return operator.rotates(i.Namespace)
}

func (p part) rotates(namespace string) (rotates, known bool) {
	if p.args.count(flagCertRotation) == 0 {
		return false, true
	}
	value, ok := p.flag(flagCertRotation, namespace)
	if !ok {
		return false, false
	}
	rotates, err := strconv.ParseBool(value)
	return rotates, err == nil
}

// Rotates tells whether a pod of the operator, as it runs, creates and rotates the
// certificate, and so writes KEDA's caBundles on every event: by its template, or,
// until all pods are of that, by the one that its user wrote.
func (i Installation) Rotates() bool {
	operator, ok := i.standing(ComponentOperator)
	if !ok {
		return false
	}
	if rotates, _ := operator.rotates(i.Namespace); rotates {
		return true
	}
	d := operator.deployment
	before, _ := i.KEDAIssues()
	return before && (d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas < d.Status.Replicas)
}

// IssuedSecret is the Secret that the operator writes where it issues.
func (i Installation) IssuedSecret() (name string, known bool) {
	operator, ok := i.part(ComponentOperator)
	if !ok {
		return "", false
	}
	if operator.args.count(flagCertSecretName) == 0 {
		return KEDACertSecret, true
	}
	return operator.flag(flagCertSecretName, i.Namespace)
}

// CertSecret is the Secret that is mounted at the certificate directory, as the
// user wrote it; the first component that shows one counts.
func (i Installation) CertSecret() (name string, known bool) {
	for _, component := range components {
		p, ok := i.part(component)
		if !ok {
			continue
		}
		name := mountedSecret(p, certDirInUse(component, p.container))
		if name != "" && name != PublishedSecret {
			return name, true
		}
	}
	return "", false
}

func mountedSecret(p part, dir string) string {
	for _, mount := range p.container.VolumeMounts {
		if path.Clean(mount.MountPath) != dir || mount.SubPath != "" || mount.SubPathExpr != "" {
			continue
		}
		for _, volume := range p.deployment.Spec.Template.Spec.Volumes {
			if volume.Name == mount.Name && volume.Secret != nil {
				return volume.Secret.SecretName
			}
		}
	}
	return ""
}

// certDirInUse is the directory that a component reads its certificate from,
// DefaultCertDir where its flags do not name an absolute path.
func certDirInUse(component Component, c *corev1.Container) string {
	a, err := parseArgv(c)
	if err != nil {
		return DefaultCertDir
	}
	dir, _ := a.last(flagCertDir)
	if file, ok := a.last(flagTLSCertFile); ok && component == ComponentMetricsAPIServer {
		dir = path.Dir(file)
	}
	if !path.IsAbs(dir) || strings.Contains(dir, "$(") {
		return DefaultCertDir
	}
	return path.Clean(dir)
}
