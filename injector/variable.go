package injector

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
)

// isVariable tells the edit of EnvCertificate, which is ours by its name, as
// our volumes are, and whatever its value.
func (e edit) isVariable() bool { return e.Kind == editEnv && e.Key == EnvCertificate }

// variableUse is an element of a container's env, both by index.
type variableUse struct{ container, index int }

// variables are the uses of EnvCertificate that are ours, in the order of d:
// those in the container of that name and in KEDA's. Installers that write back
// what they read may have brought it there twice. In any other container, or
// with a valueFrom, it is the user's.
func variables(d *appsv1.Deployment, container string) []variableUse {
	var uses []variableUse
	containers := d.Spec.Template.Spec.Containers
	for i, c := range containers {
		for j, v := range c.Env {
			if v.Name == EnvCertificate && v.ValueFrom == nil {
				uses = append(uses, variableUse{i, j})
			}
		}
	}
	if len(uses) == 0 {
		return nil // as in nearly every Deployment
	}
	// What was injected may be evidence of a version, but adds no container and
	// makes none KEDA's.
	keda := Recognise(d).Container
	return slices.DeleteFunc(uses, func(u variableUse) bool {
		return u.container != keda && (container == "" || containers[u.container].Name != container)
	})
}

// droppedVariables are those that edits drop, by container and index.
func droppedVariables(d *appsv1.Deployment, container string, edits []edit) map[int]map[int]bool {
	out := map[int]map[int]bool{}
	if !slices.ContainsFunc(edits, edit.isVariable) {
		return out
	}
	for _, u := range variables(d, container) {
		if out[u.container] == nil {
			out[u.container] = map[int]bool{}
		}
		out[u.container][u.index] = true
	}
	return out
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
	c := d.Spec.Template.Spec.Containers[uses[0].container]
	if r.Container == "" {
		r.Container = c.Name
	}
	r.Edits = append(r.Edits, edit{Kind: editEnv, Key: EnvCertificate, Now: c.Env[uses[0].index].Value})
}

// strays tells whether d has the variable anywhere but exactly once in KEDA's
// container: an edit changes one where it stands, and would leave the others.
func strays(d *appsv1.Deployment, container string) bool { return len(variables(d, container)) != 1 }
