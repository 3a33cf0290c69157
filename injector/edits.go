package injector

import (
	"path"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// editKind is what an edit changes.
type editKind string

const (
	editArg    editKind = "arg"
	editEnv    editKind = "env"
	editVolume editKind = "volume"
	editMount  editKind = "mount"
)

// edit is one change of a pod template. Key is a flag, a variable, a volume's
// name or a mount path. Now is what we made of it and Was the original, nil for
// none: an argument's element as it is spelled, a variable's value, what a
// volume mounts, the volume of a mount.
type edit struct {
	Kind editKind `json:"kind"`
	Key  string   `json:"key"`
	Was  *string  `json:"was,omitempty"`
	Now  string   `json:"now"`

	value string         // of a flag
	many  bool           // a flag that may be repeated is added, not changed
	vol   *corev1.Volume // of a volume
}

// same tells whether carrying out next leaves what e made where it stands.
func (e edit) same(next edit) bool {
	if e.Kind != next.Kind || e.Key != next.Key || (e.Was == nil) != (next.Was == nil) {
		return false
	}
	if e.Kind == editArg && e.Key == flagCADir && e.Now != next.Now {
		return false
	}
	return e.Was == nil || *e.Was == *next.Was
}

// apply carries out edits on container i of d: an element that is there is
// changed where it stands, any other is appended, for to put something before
// or between what is there would move fields that our types do not know.
func apply(d *appsv1.Deployment, i int, edits []edit) error {
	spec := &d.Spec.Template.Spec
	c := &spec.Containers[i]
	args, err := parseArgv(c)
	if err != nil {
		return err
	}
	for _, e := range edits {
		switch e.Kind {
		case editArg:
			applyArg(&args, e)
		case editEnv:
			c.Env = applyEnv(c.Env, e)
		case editVolume:
			spec.Volumes = applyVolume(spec.Volumes, e)
		case editMount:
			c.VolumeMounts = applyMount(c.VolumeMounts, e)
		}
	}
	return nil
}

func applyArg(args *argv, e edit) {
	if !e.many {
		args.set(e.Key, e.value)
		return
	}
	if _, found := findArg(*args, e.Key, e.Now); !found {
		args.add(e.Key, e.value)
	}
}

func applyEnv(env []corev1.EnvVar, e edit) []corev1.EnvVar {
	if i := envIndex(env, e.Key); i >= 0 {
		env[i].Value = e.Now
		return env
	}
	return append(env, corev1.EnvVar{Name: e.Key, Value: e.Now})
}

func applyVolume(volumes []corev1.Volume, e edit) []corev1.Volume {
	if i := volumeIndex(volumes, e.Key); i >= 0 {
		volumes[i] = *e.vol
		return volumes
	}
	return append(volumes, *e.vol)
}

func applyMount(mounts []corev1.VolumeMount, e edit) []corev1.VolumeMount {
	if i := mountIndex(mounts, e.Key); i >= 0 {
		mounts[i].Name = e.Now
		return mounts
	}
	return append(mounts, corev1.VolumeMount{Name: e.Now, MountPath: e.Key, ReadOnly: true})
}

// findArg is the last use of a flag whose element has the text.
func findArg(args argv, flag, text string) (flagUse, bool) {
	for _, use := range slices.Backward(args.of(flag)) {
		if (*args.list(use))[use.index] == text {
			return use, true
		}
	}
	return flagUse{}, false
}

func envIndex(env []corev1.EnvVar, name string) int {
	return slices.IndexFunc(env, func(e corev1.EnvVar) bool { return e.Name == name })
}

func volumeIndex(volumes []corev1.Volume, name string) int {
	return slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == name })
}

func mountIndex(mounts []corev1.VolumeMount, dir string) int {
	return slices.IndexFunc(mounts, func(m corev1.VolumeMount) bool { return path.Clean(m.MountPath) == dir })
}

func containerIndex(d *appsv1.Deployment, name string) int {
	return slices.IndexFunc(d.Spec.Template.Spec.Containers, func(c corev1.Container) bool { return c.Name == name })
}
