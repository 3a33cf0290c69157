package injector

import (
	"fmt"
	"path"

	corev1 "k8s.io/api/core/v1"
)

// publishedMode lets a KEDA that is not root read what is mounted.
const publishedMode int32 = 0o444

// place is where a volume is mounted.
type place struct{ container, dir string }

func mountsOf(containers []corev1.Container, volume string) []place {
	var out []place
	for _, c := range containers {
		for _, m := range c.VolumeMounts {
			if m.Name == volume {
				out = append(out, place{c.Name, path.Clean(m.MountPath)})
			}
		}
	}
	return out
}

// overlapping is the mount of c that lies above or below dir, but not at it.
func overlapping(c *corev1.Container, dir string) (*corev1.VolumeMount, bool) {
	for i := range c.VolumeMounts {
		at := path.Clean(c.VolumeMounts[i].MountPath)
		if at != dir && overlap(at, dir) {
			return &c.VolumeMounts[i], true
		}
	}
	return nil, false
}

func mountAt(c *corev1.Container, dir string) (*corev1.VolumeMount, bool) {
	if i := mountIndex(c.VolumeMounts, dir); i >= 0 {
		return &c.VolumeMounts[i], true
	}
	return nil, false
}

// part of a volume only; the kubelet never updates it.
func subPath(m *corev1.VolumeMount) string { return m.SubPath + m.SubPathExpr }

func (p *planner) mountField(m *corev1.VolumeMount) string {
	return fmt.Sprintf("spec.template.spec.containers[%s].volumeMounts[%s]", p.container.Name, m.MountPath)
}

// mount plans the mount of a volume of ours at dir: one that is there keeps
// everything but the name of its volume.
func (p *planner) mount(volume, dir string) {
	e := edit{Kind: editMount, Key: dir, Now: volume}
	if m, found := mountAt(p.container, dir); found {
		if m.Name == "" {
			p.fail(ReasonMountConflict, p.mountField(m), "names no volume, and %s must be mounted there: say in name which volume it mounts", volume)
			return
		}
		e.Was = ptr(m.Name)
	}
	p.edits = append(p.edits, e)
}

func (p *planner) volume(v corev1.Volume, content string) {
	if i := volumeIndex(p.deployment.Spec.Template.Spec.Volumes, v.Name); i >= 0 {
		p.fail(ReasonVolumeConflict, fmt.Sprintf("spec.template.spec.volumes[%s]", v.Name),
			"is not one that keda-trust made, and keda-trust must add one of this name with %s: rename yours", content)
		return
	}
	p.edits = append(p.edits, edit{Kind: editVolume, Key: v.Name, Now: content, vol: &v})
}

// certificates plans the certificate volume at dir.
func (p *planner) certificates(dir string) {
	if m, found := overlapping(p.container, dir); found {
		p.fail(ReasonMountConflict, p.mountField(m), "mounts volume %s at %s, and %s must be mounted at %s: move one of them, by the annotation %s or in the manifest",
			m.Name, m.MountPath, VolumeCertificates, dir, AnnotationCertDir)
	}
	if m, found := mountAt(p.container, dir); found && subPath(m) != "" {
		p.fail(ReasonMountConflict, p.mountField(m), "mounts only %q of volume %s, and the whole of %s must be mounted there: mount it without subPath",
			subPath(m), m.Name, VolumeCertificates)
	}
	source := &corev1.SecretVolumeSource{
		SecretName:  p.state.CertificateSecret,
		Items:       []corev1.KeyToPath{{Key: "tls.crt", Path: "tls.crt"}, {Key: "tls.key", Path: "tls.key"}, {Key: "ca.crt", Path: "ca.crt"}},
		DefaultMode: ptr(publishedMode),
	}
	if p.component == ComponentOperator && p.state.KEDAIssues {
		source.Optional = ptr(true) // the operator itself creates it
	}
	p.volume(corev1.Volume{Name: VolumeCertificates, VolumeSource: corev1.VolumeSource{Secret: source}}, "Secret "+p.state.CertificateSecret)
	p.mount(VolumeCertificates, dir)
}

func ptr[T any](v T) *T { return &v }
