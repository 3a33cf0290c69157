package corpus

import (
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// expectComponent holds an injected Deployment against what each component of
// KEDA reads, and the rest of it against plain.
func expectComponent(got, plain *appsv1.Deployment, want wanted, c carried) {
	GinkgoHelper()
	Expect(got.Labels).To(HaveKeyWithValue(injector.LabelState, injector.StateInjected))
	container := containerOf(got, want.container)
	certDir := flag(container, "cert-dir")
	Expect(certDir).To(HavePrefix(c.certDir))
	Expect(mountAt(container, certDir).Name).To(Equal(injector.VolumeCertificates))
	expectCertificate(volumeOf(got, injector.VolumeCertificates), c.secret)
	switch want.component {
	case injector.ComponentOperator:
		Expect(flag(container, "enable-cert-rotation")).To(Equal("false"))
		expectRoots(got, plain, want.container, c.roots)
	case injector.ComponentMetricsAPIServer:
		Expect(flag(container, "tls-cert-file")).To(Equal(certDir + "/tls.crt"))
		Expect(flag(container, "tls-private-key-file")).To(Equal(certDir + "/tls.key"))
		Expect(flag(container, "client-ca-file")).To(Equal(certDir + "/ca.crt"))
		Expect(flag(container, "tls-min-version")).To(Equal("VersionTLS13"))
	case injector.ComponentAdmissionWebhooks:
	default:
		Fail("no component is wanted of " + got.Name)
	}
	expectNothingElse(got, plain, want.container)
}

// expectCertificate wants the three files that KEDA reads, and never ca.key.
func expectCertificate(volume corev1.Volume, secret string) {
	GinkgoHelper()
	Expect(volume.Secret).NotTo(BeNil())
	Expect(volume.Secret.SecretName).To(Equal(secret))
	var files []string
	for _, item := range volume.Secret.Items {
		Expect(item.Path).To(Equal(item.Key))
		files = append(files, item.Path)
	}
	Expect(files).To(ConsistOf("tls.crt", "tls.key", "ca.crt"))
}

// expectRoots wants the custom CAs where KEDA looks: in the one directory that it
// always reads, or in one that it is told of. CAs that somebody mounted there are
// still in it.
func expectRoots(got, plain *appsv1.Deployment, name, configMap string) {
	GinkgoHelper()
	projected := volumeOf(got, injector.VolumeCustomCA).Projected
	Expect(projected).NotTo(BeNil())
	Expect(projected.Sources).To(ContainElement(HaveField("ConfigMap", HaveField("Name", configMap))))
	container := containerOf(got, name)
	at := slices.IndexFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == injector.VolumeCustomCA })
	Expect(at).NotTo(BeNumerically("<", 0))
	read := flags(container, "ca-dir")
	if len(read) == 0 {
		read = []string{injector.DefaultCustomCADir}
	}
	dir := container.VolumeMounts[at].MountPath
	Expect(read).To(ContainElement(dir))
	for _, mount := range containerOf(plain, name).VolumeMounts {
		if mount.MountPath != dir {
			continue
		}
		theirs := volumeOf(plain, mount.Name).Projected
		Expect(theirs).NotTo(BeNil(), "volume %q is of a kind that nobody has merged yet", mount.Name)
		Expect(projected.Sources).To(ContainElements(theirs.Sources))
	}
}

// expectNothingElse wants of KEDA's container only arguments, environment and
// mounts changed, and of the pod only volumes added.
func expectNothingElse(got, plain *appsv1.Deployment, container string) {
	GinkgoHelper()
	ours, theirs := containerOf(got, container), containerOf(plain, container)
	Expect(ours.Env).To(ContainElements(theirs.Env))
	Expect(dirs(ours)).To(ContainElements(dirs(theirs)))
	left, right := got.Spec.DeepCopy(), plain.Spec.DeepCopy()
	for _, spec := range []*appsv1.DeploymentSpec{left, right} {
		pod := &spec.Template.Spec
		for i := range pod.Containers {
			if c := &pod.Containers[i]; c.Name == container {
				c.Command, c.Args, c.Env, c.VolumeMounts = nil, nil, nil, nil
			}
		}
		pod.Volumes = slices.DeleteFunc(pod.Volumes, func(v corev1.Volume) bool {
			return v.Name == injector.VolumeCertificates || v.Name == injector.VolumeCustomCA
		})
		if len(pod.Volumes) == 0 {
			pod.Volumes = nil
		}
	}
	Expect(left).To(Equal(right))
}

func dirs(container corev1.Container) []string {
	var all []string
	for _, mount := range container.VolumeMounts {
		all = append(all, mount.MountPath)
	}
	return all
}

func containerOf(d *appsv1.Deployment, name string) corev1.Container {
	GinkgoHelper()
	all := d.Spec.Template.Spec.Containers
	at := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == name })
	Expect(at).NotTo(BeNumerically("<", 0), "Deployment %s has no container %q", d.Name, name)
	return all[at]
}

func volumeOf(d *appsv1.Deployment, name string) corev1.Volume {
	GinkgoHelper()
	all := d.Spec.Template.Spec.Volumes
	at := slices.IndexFunc(all, func(v corev1.Volume) bool { return v.Name == name })
	Expect(at).NotTo(BeNumerically("<", 0), "Deployment %s has no volume %q", d.Name, name)
	return all[at]
}

func mountAt(container corev1.Container, dir string) corev1.VolumeMount {
	GinkgoHelper()
	at := slices.IndexFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == dir })
	Expect(at).NotTo(BeNumerically("<", 0), "container %s mounts nothing at %q", container.Name, dir)
	return container.VolumeMounts[at]
}

// flag is the value that KEDA takes: the last.
func flag(container corev1.Container, name string) string {
	GinkgoHelper()
	values := flags(container, name)
	Expect(values).NotTo(BeEmpty(), "container %s is told no --%s: %q %q", container.Name, name, container.Command, container.Args)
	return values[len(values)-1]
}

// flags are all values that a flag is given, behind an equals sign or apart.
func flags(container corev1.Container, name string) []string {
	var values []string
	words := slices.Concat(container.Command, container.Args)
	for i, word := range words {
		if value, found := strings.CutPrefix(word, "--"+name+"="); found {
			values = append(values, value)
		}
		if word == "--"+name && i+1 < len(words) {
			values = append(values, words[i+1])
		}
	}
	return values
}
