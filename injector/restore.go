package injector

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"gomodules.xyz/jsonpatch/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// restored is d as its user wrote it: what keda-trust injected is taken out. d
// itself is returned where nothing was injected, or where that cannot be known.
func restored(d *appsv1.Deployment) *appsv1.Deployment {
	r, found, findings := recordOf(d, nil)
	if !found || len(Faults(findings)) > 0 {
		return d
	}
	out := d.DeepCopy()
	live := r.live(out)
	drop(out, r.Container, live)
	putBack(out, r.Container, live)
	return out
}

// drop removes what live edits had added, of which each is there, and returns
// the operations that do the same to the raw object: one an element, from the
// highest index, so that no other element moves through another's place. With a
// volume go all its mounts, whoever made them: the API server refuses a mount
// without its volume.
func drop(d *appsv1.Deployment, container string, edits []edit) []jsonpatch.Operation {
	spec := &d.Spec.Template.Spec
	var ops []jsonpatch.Operation
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		ops = remove(ops, &c.VolumeMounts, fmt.Sprintf("/spec/template/spec/initContainers/%d/volumeMounts", i), orphans(c, edits, nil))
	}
	injected := containerIndex(d, container)
	variables := droppedVariables(d, container, edits)
	for i := range spec.Containers {
		c := &spec.Containers[i]
		at := fmt.Sprintf("/spec/template/spec/containers/%d", i)
		if i != injected {
			ops = remove(ops, &c.Env, at+"/env", variables[i])
			ops = remove(ops, &c.VolumeMounts, at+"/volumeMounts", orphans(c, edits, nil))
			continue
		}
		args, env, mounts := added(c, edits)
		maps.Copy(env, variables[i])
		maps.Copy(mounts, orphans(c, edits, edits))
		ops = remove(ops, &c.Args, at+"/args", args)
		ops = remove(ops, &c.Env, at+"/env", env)
		ops = remove(ops, &c.VolumeMounts, at+"/volumeMounts", mounts)
	}
	volumes := map[int]bool{}
	for _, e := range edits {
		if e.Kind == editVolume {
			volumes[volumeIndex(spec.Volumes, e.Key)] = true
		}
	}
	return remove(ops, &spec.Volumes, "/spec/template/spec/volumes", volumes)
}

// orphans are the mounts of c whose volume edits drop, but for those that get
// another volume back.
func orphans(c *corev1.Container, edits, putBack []edit) map[int]bool {
	gone := map[int]bool{}
	for i, m := range c.VolumeMounts {
		dropped := slices.ContainsFunc(edits, func(e edit) bool { return e.Kind == editVolume && e.Key == m.Name })
		kept := slices.ContainsFunc(putBack, func(e edit) bool {
			return e.Kind == editMount && e.Was != nil && e.Key == path.Clean(m.MountPath)
		})
		if dropped && !kept {
			gone[i] = true
		}
	}
	return gone
}

// added are the indexes of the elements of c that edits had appended, without
// the variable.
func added(c *corev1.Container, edits []edit) (args, env, mounts map[int]bool) {
	args, env, mounts = map[int]bool{}, map[int]bool{}, map[int]bool{}
	parsed, err := parseArgv(c)
	for _, e := range edits {
		switch {
		case e.Was != nil, e.isVariable():
		case e.Kind == editEnv:
			env[envIndex(c.Env, e.Key)] = true
		case e.Kind == editMount:
			mounts[mountIndex(c.VolumeMounts, e.Key)] = true
		case e.Kind == editArg && err == nil:
			if use, found := findArg(parsed, e.Key, e.Now); found && !use.inCommand && !use.separate {
				args[use.index] = true
			}
		}
	}
	return args, env, mounts
}

func remove[T any](ops []jsonpatch.Operation, list *[]T, path string, gone map[int]bool) []jsonpatch.Operation {
	if len(gone) == 0 {
		return ops
	}
	if len(gone) == len(*list) {
		*list = nil
		return append(ops, jsonpatch.NewOperation("remove", path, nil))
	}
	for i := len(*list) - 1; i >= 0; i-- {
		if gone[i] {
			*list = slices.Delete(*list, i, i+1)
			ops = append(ops, jsonpatch.NewOperation("remove", fmt.Sprintf("%s/%d", path, i), nil))
		}
	}
	return ops
}

// putBack gives what edits had changed in place its original value.
func putBack(d *appsv1.Deployment, container string, edits []edit) {
	i := containerIndex(d, container)
	if i < 0 {
		return
	}
	c := &d.Spec.Template.Spec.Containers[i]
	args, err := parseArgv(c)
	for _, e := range edits {
		switch {
		case e.Was == nil:
		case e.Kind == editMount:
			if m := mountIndex(c.VolumeMounts, e.Key); m >= 0 {
				c.VolumeMounts[m].Name = *e.Was
			}
		case e.Kind == editArg && err == nil:
			if use, found := findArg(args, e.Key, e.Now); found {
				(*args.list(use))[use.index] = *e.Was
			}
		}
	}
}

// presume serves a template that carries names of ours of which the record does
// not tell: somebody took it away or changed it. The volumes are ours by their
// names, and a mount of theirs had the one volume that nothing mounts now.
func (r *record) presume(d *appsv1.Deployment) []Finding {
	for _, name := range reservedVolumes {
		if r.lists(name) || !usesVolume(d, name) {
			continue
		}
		edits, container, problem := presumedEdits(d, name)
		if problem != "" {
			return []Finding{fault(ReasonVolumeConflict, describeDeployment(d), "spec.template.spec.volumes["+name+"]", "%s", problem)}
		}
		if r.Container == "" {
			r.Container = container
		}
		r.Edits = append(r.Edits, edits...)
	}
	r.presumeVariable(d)
	return nil
}

func presumedEdits(d *appsv1.Deployment, name string) (edits []edit, container, problem string) {
	spec := d.Spec.Template.Spec
	if volumeIndex(spec.Volumes, name) >= 0 {
		edits = append(edits, edit{Kind: editVolume, Key: name})
	}
	mounts := mountsOf(spec.Containers, name)
	if len(mounts) == 0 {
		return edits, "", ""
	}
	idle := idleVolumes(spec, name)
	if len(mounts) > 1 || len(idle) > 1 {
		return nil, "", fmt.Sprintf("is mounted, and the annotation %s does not say what was; it may have been any of the volumes %q: put the annotation back, or name the right volume in the mount", AnnotationInjected, idle)
	}
	e := edit{Kind: editMount, Key: mounts[0].dir, Now: name}
	if len(idle) == 1 {
		e.Was = &idle[0]
	}
	return append(edits, e), mounts[0].container, ""
}

// idleVolumes are the user's volumes that could have been mounted where ours,
// called name, is, and that no container mounts.
func idleVolumes(spec corev1.PodSpec, name string) []string {
	var out []string
	all := slices.Concat(spec.InitContainers, spec.Containers)
	for _, v := range spec.Volumes {
		fits := v.Secret != nil
		if name == VolumeCustomCA {
			fits = v.ConfigMap != nil || v.Projected != nil
		}
		if fits && v.Name != VolumeCertificates && v.Name != VolumeCustomCA && len(mountsOf(all, v.Name)) == 0 {
			out = append(out, v.Name)
		}
	}
	return out
}
