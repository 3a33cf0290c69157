package injector

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
)

// isVariable tells the edit of EnvCertificate, which is ours by its name, as
// our volumes are, and whatever its value.
func (e edit) isVariable() bool { return e.Kind == editEnv && e.Key == EnvCertificate }

// variables are the uses of EnvCertificate that are ours, by the index of their
// container and their own: those in the container of that name and in KEDA's.
// Installers that write back what they read may have brought it there twice. In
// any other container, or with a valueFrom, it is the user's.
func variables(d *appsv1.Deployment, container string) map[int]map[int]bool {
	uses := map[int]map[int]bool{}
	containers := d.Spec.Template.Spec.Containers
	for i, c := range containers {
		for j, v := range c.Env {
			if v.Name != EnvCertificate || v.ValueFrom != nil {
				continue
			}
			if uses[i] == nil {
				uses[i] = map[int]bool{}
			}
			uses[i][j] = true
		}
	}
	if len(uses) == 0 {
		return nil // as in nearly every Deployment
	}
	keda := Recognise(d).Container
	maps.DeleteFunc(uses, func(i int, _ map[int]bool) bool { return i != keda && containers[i].Name != container })
	return uses
}

// presumeVariable is presume for the variable.
func (r *record) presumeVariable(d *appsv1.Deployment) {
	if slices.ContainsFunc(r.Edits, edit.isVariable) {
		return
	}
	uses := variables(d, r.Container)
	if len(uses) == 0 {
		return
	}
	i := slices.Min(slices.Collect(maps.Keys(uses)))
	j := slices.Min(slices.Collect(maps.Keys(uses[i])))
	c := d.Spec.Template.Spec.Containers[i]
	if r.Container == "" {
		r.Container = c.Name
	}
	r.Edits = append(r.Edits, edit{Kind: editEnv, Key: EnvCertificate, Now: c.Env[j].Value})
}

// strays tells whether the variable stands anywhere in d but once in container
// i, where carrying out an edit would leave the rest behind.
func strays(d *appsv1.Deployment, i int) bool {
	uses := variables(d, d.Spec.Template.Spec.Containers[i].Name)
	return len(uses) != 1 || len(uses[i]) != 1
}
