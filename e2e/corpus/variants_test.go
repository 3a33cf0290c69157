package corpus

import (
	"context"
	"path"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// edit is what people do to each object of a release.
type edit func(*unstructured.Unstructured)

// change is what they do to each Deployment; c is KEDA's container.
type change func(d *appsv1.Deployment, c *corev1.Container)

// variantsOfRelease are made of KEDA's newest release, by one edit each.
var variantsOfRelease = []struct {
	name string
	edit edit
}{
	{"images of a private registry, with its port and digests", eachDeployment(fromPrivateRegistry)},
	{"nothing but its images to tell what it is", eachDeployment(fromPrivateRegistry, withoutCommand, withoutLabels)},
	{"images of another name, no labels, but the annotation", eachDeployment(annotated, withoutCommand, withoutLabels)},
	{"other names of Deployments, Services and the namespace", renamed},
	{"a sidecar before it and one after it", eachDeployment(betweenSidecars)},
	{"init containers, one of KEDA's own image", eachDeployment(afterInitContainers)},
	{"flags whose values are apart", eachDeployment(flagsApart)},
	{"flags in the command", eachDeployment(flagsInCommand)},
	{"a wrapper that starts it", eachDeployment(wrapped)},
	{"no certificate mounted", eachDeployment(withoutCertificates)},
	{"custom CAs of a kind that cannot be projected", eachDeployment(customCAClaimed)},
	{"an APIService that skips verification", skippingVerification},
}

func variants() []source {
	var all []source
	for _, variant := range variantsOfRelease {
		all = append(all, source{local.KEDAVersion + " with " + variant.name, func(ctx context.Context) installation {
			GinkgoHelper()
			return variantOf(ctx, strings.ReplaceAll(variant.name, " ", "-"), variant.edit)
		}})
	}
	return all
}

func variantOf(ctx context.Context, name string, edit edit) installation {
	GinkgoHelper()
	objects := release(ctx, local.KEDAVersion)
	for _, object := range objects {
		edit(object)
	}
	return written(name, objects, wantedOfRelease(objects))
}

// eachDeployment leaves the other objects as they are.
func eachDeployment(changes ...change) edit {
	return func(object *unstructured.Unstructured) {
		GinkgoHelper()
		if object.GetKind() != "Deployment" {
			return
		}
		deployment := typed(object)
		for _, change := range changes {
			all := deployment.Spec.Template.Spec.Containers
			Expect(all).To(HaveLen(1))
			change(deployment, &all[0])
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(deployment)
		Expect(err).NotTo(HaveOccurred())
		object.Object = content
	}
}

func fromPrivateRegistry(_ *appsv1.Deployment, c *corev1.Container) {
	name, tag, _ := strings.Cut(path.Base(c.Image), ":")
	c.Image = "registry.example.com:5000/mirror/kedacore/" + name + ":" + tag + "-corp@sha256:" + strings.Repeat("0123456789abcdef", 4)
}

// withoutCommand relies on the image's entrypoint.
func withoutCommand(_ *appsv1.Deployment, c *corev1.Container) { c.Command = nil }

func withoutLabels(d *appsv1.Deployment, _ *corev1.Container) { d.Labels = nil }

func annotated(d *appsv1.Deployment, c *corev1.Container) {
	d.Annotations = map[string]string{injector.AnnotationComponent: string(containers[c.Name])}
	c.Image = "registry.example.com/autoscaling/scaler:7"
}

func betweenSidecars(d *appsv1.Deployment, c *corev1.Container) {
	first, last := sidecar("proxy", "registry.example.com/proxy:1"), sidecar("logs", "registry.example.com/logs:1")
	first.VolumeMounts = c.VolumeMounts // it reads the certificate that KEDA's manifest mounts
	d.Spec.Template.Spec.Containers = []corev1.Container{first, *c, last}
}

func afterInitContainers(d *appsv1.Deployment, c *corev1.Container) {
	own := sidecar("version", c.Image)
	own.Command, own.VolumeMounts = c.Command, c.VolumeMounts
	own.Args = []string{"--cert-dir=/elsewhere"}
	d.Spec.Template.Spec.InitContainers = []corev1.Container{sidecar("wait", "registry.example.com/wait:1"), own}
}

func sidecar(name, image string) corev1.Container {
	return corev1.Container{Name: name, Image: image, Args: []string{"--cert-dir=/sidecar", "--verbose"}}
}

// flagsApart spells --flag=value as two elements. A switch cannot be: it would
// be on, and its value a positional argument.
func flagsApart(_ *appsv1.Deployment, c *corev1.Container) {
	var args []string
	for _, arg := range c.Args {
		flag, value, found := strings.Cut(arg, "=")
		if !found || value == "true" || value == "false" {
			args = append(args, arg)
			continue
		}
		args = append(args, flag, value)
	}
	c.Args = args
}

func flagsInCommand(_ *appsv1.Deployment, c *corev1.Container) {
	c.Command, c.Args = append(c.Command, c.Args...), nil
}

// inShell hides the flags in a string, after which none can be appended.
func inShell(_ *appsv1.Deployment, c *corev1.Container) {
	c.Command, c.Args = []string{"/bin/sh", "-c", "exec " + strings.Join(append(c.Command, c.Args...), " ")}, nil
}

func wrapped(_ *appsv1.Deployment, c *corev1.Container) {
	c.Command = append([]string{"/usr/bin/dumb-init", "--"}, c.Command...)
}

func withoutCertificates(d *appsv1.Deployment, c *corev1.Container) {
	d.Spec.Template.Spec.Volumes, c.VolumeMounts = nil, nil
}

func customCAClaimed(d *appsv1.Deployment, c *corev1.Container) {
	d.Spec.Template.Spec.Volumes = append(d.Spec.Template.Spec.Volumes, corev1.Volume{Name: "roots", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "roots"},
	}})
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "roots", MountPath: injector.DefaultCustomCADir})
}

func skippingVerification(object *unstructured.Unstructured) {
	GinkgoHelper()
	if object.GetKind() == "APIService" {
		Expect(unstructured.SetNestedField(object.Object, true, "spec", "insecureSkipTLSVerify")).To(Succeed())
	}
}

// typed is a Deployment as Go has it.
func typed(object *unstructured.Unstructured) *appsv1.Deployment {
	GinkgoHelper()
	deployment := &appsv1.Deployment{}
	Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, deployment)).To(Succeed())
	return deployment
}
