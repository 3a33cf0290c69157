package injector

import (
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// besideSuffix makes a directory of ours beside one that cannot be merged.
const besideSuffix = "-" + Name

// customCA plans the custom CAs: in the directory asked for, together with what
// the user mounted there, or beside it where that cannot be projected.
//
//	mounted at the directory        KEDA < 2.15     KEDA >= 2.15
//	nothing                         there           there
//	secret, configMap, projected    there, merged   there, merged
//	anything else, above or below   conflict        beside, by --ca-dir
func (p *planner) customCA(certDir string) {
	dir := p.state.CustomCADir
	if dir == "" {
		dir = DefaultCustomCADir
	}
	if dir != DefaultCustomCADir && !p.version.AtLeast(2, 15, 0) {
		p.fail(ReasonVersionTooOld, "", "the annotation %s says %s, and KEDA %s reads custom CAs only from %s: want that, or KEDA 2.15",
			AnnotationCustomCADir, dir, p.version, DefaultCustomCADir)
		return
	}
	theirs, mergeable := p.mergeable(dir)
	if !mergeable {
		if dir = p.beside(dir); dir == "" {
			return
		}
	}
	if p.state.CertificateSecret != "" && overlap(dir, certDir) {
		p.fail(ReasonMountConflict, "", "custom CAs are to be mounted at %s, and the certificate at %s: want two directories, by the annotation %s or %s",
			dir, certDir, AnnotationCustomCADir, AnnotationCertDir)
		return
	}
	ours := corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{
		LocalObjectReference: corev1.LocalObjectReference{Name: p.state.CustomCAConfigMap},
		Items:                []corev1.KeyToPath{{Key: PublishedCAKey, Path: PublishedCAKey}},
	}}
	p.volume(corev1.Volume{Name: VolumeCustomCA, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		Sources: append([]corev1.VolumeProjection{ours}, theirs...), DefaultMode: ptr(publishedMode),
	}}}, "ConfigMap "+p.state.CustomCAConfigMap)
	p.mount(VolumeCustomCA, dir)
	p.customCADirs(dir)
}

// customCADirs makes KEDA read dir. The first use of the flag replaces the
// default, which therefore is named too.
func (p *planner) customCADirs(dir string) {
	named := p.args.all(flagCADir)
	want := []string{dir}
	if len(named) == 0 {
		if dir == DefaultCustomCADir {
			return
		}
		want = []string{DefaultCustomCADir, dir}
	}
	for _, d := range want {
		if !slices.ContainsFunc(named, func(n string) bool { return path.Clean(n) == d }) {
			p.edits = append(p.edits, edit{Kind: editArg, Key: flagCADir, Now: "--" + flagCADir + "=" + d, value: d, many: true})
		}
	}
}

// mergeable are the sources of what the user mounted at dir, and whether they
// and ours can be one volume there.
func (p *planner) mergeable(dir string) ([]corev1.VolumeProjection, bool) {
	if _, found := overlapping(p.container, dir); found {
		return nil, false
	}
	m, found := mountAt(p.container, dir)
	if !found {
		return nil, true
	}
	i := volumeIndex(p.deployment.Spec.Template.Spec.Volumes, m.Name)
	if i < 0 || subPath(m) != "" {
		return nil, false
	}
	sources, ok := projections(p.deployment.Spec.Template.Spec.Volumes[i])
	if slices.ContainsFunc(sources, takesOurFile) {
		return nil, false
	}
	return sources, ok
}

// projections are the sources that show what v shows in a projected volume.
func projections(v corev1.Volume) ([]corev1.VolumeProjection, bool) {
	switch {
	case v.Secret != nil:
		return []corev1.VolumeProjection{{Secret: &corev1.SecretProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: v.Secret.SecretName},
			Items:                v.Secret.Items, Optional: v.Secret.Optional,
		}}}, true
	case v.ConfigMap != nil:
		return []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{
			LocalObjectReference: v.ConfigMap.LocalObjectReference,
			Items:                v.ConfigMap.Items, Optional: v.ConfigMap.Optional,
		}}}, true
	case v.Projected != nil:
		// A source of a kind that our types do not know is empty here.
		unknown := slices.Contains(v.Projected.Sources, corev1.VolumeProjection{})
		return slices.Clone(v.Projected.Sources), !unknown
	}
	return nil, false
}

func takesOurFile(source corev1.VolumeProjection) bool {
	var items []corev1.KeyToPath
	if source.Secret != nil {
		items = source.Secret.Items
	}
	if source.ConfigMap != nil {
		items = source.ConfigMap.Items
	}
	return slices.ContainsFunc(items, func(item corev1.KeyToPath) bool { return item.Path == PublishedCAKey })
}

// beside is a directory of ours next to dir, empty with a fault where there
// can be none.
func (p *planner) beside(dir string) string {
	inTheWay, found := overlapping(p.container, dir)
	if !found {
		inTheWay, _ = mountAt(p.container, dir)
	}
	if !p.version.AtLeast(2, 15, 0) {
		p.fail(ReasonMountConflict, p.mountField(inTheWay), "mounts volume %s at %s, which cannot be one volume with %s at %s, and KEDA %s has no second directory: want a Secret, ConfigMap or projected volume there, or KEDA 2.15",
			inTheWay.Name, inTheWay.MountPath, VolumeCustomCA, dir, p.version)
		return ""
	}
	own := dir + besideSuffix
	if above := path.Clean(inTheWay.MountPath); overlap(above, dir) && len(above) < len(dir) {
		own = above + besideSuffix // below it, it would lie in their volume
	}
	other, blocked := overlapping(p.container, own)
	if !blocked {
		other, blocked = mountAt(p.container, own)
	}
	if blocked {
		p.fail(ReasonMountConflict, p.mountField(other), "mounts volume %s at %s, and %s must be mounted at %s: move it, or name another directory in the annotation %s",
			other.Name, other.MountPath, VolumeCustomCA, own, AnnotationCustomCADir)
		return ""
	}
	return own
}
