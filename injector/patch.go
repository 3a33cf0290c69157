package injector

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gomodules.xyz/jsonpatch/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// difference is the patch from one typed value to another, neither of which is
// the raw object: what our types do not know is in neither, and survives.
// CreatePatch compares lists by position, so the lists of after must be those
// of before with elements changed in place or appended.
func difference(before, after any) ([]jsonpatch.Operation, error) {
	from, err := json.Marshal(before)
	if err != nil {
		return nil, fmt.Errorf("encoding what came in: %w", err)
	}
	to, err := json.Marshal(after)
	if err != nil {
		return nil, fmt.Errorf("encoding what is injected: %w", err)
	}
	ops, err := jsonpatch.CreatePatch(from, to)
	if err != nil {
		return nil, fmt.Errorf("comparing what came in with what is injected: %w", err)
	}
	for i, op := range ops {
		if op.Operation == "replace" && !isElement(op.Path) {
			// A field that our types always write may be missing in the object, and
			// what is not there cannot be replaced; to add sets it in either case.
			ops[i].Operation = "add"
		}
	}
	return ops, nil
}

// annotationPath is where an operation changes an annotation of ours.
func annotationPath(key string) string {
	return "/metadata/annotations/" + strings.ReplaceAll(key, "/", "~1")
}

// isElement tells whether path leads to an element of a list: the only maps with
// keys of their own that a difference touches are labels and annotations.
func isElement(path string) bool {
	if strings.HasPrefix(path, "/metadata/") {
		return false
	}
	_, err := strconv.Atoi(path[strings.LastIndex(path, "/")+1:])
	return err == nil
}

// The views hold the fields that injection may change, at their paths, which
// makes a comparison ten times cheaper than that of whole objects.
type (
	metadataView struct {
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	containerView struct {
		Command      []string             `json:"command,omitempty"`
		Args         []string             `json:"args,omitempty"`
		Env          []corev1.EnvVar      `json:"env,omitempty"`
		VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
	}
	podView struct {
		Volumes    []corev1.Volume `json:"volumes,omitempty"`
		Containers []containerView `json:"containers,omitempty"`
	}
	deploymentView struct {
		Metadata metadataView `json:"metadata"`
		Spec     struct {
			Template struct {
				Spec podView `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
)

// viewDeployment shows, of the containers, the one at index and the one called
// name; the others are empty, for their places count.
func viewDeployment(d *appsv1.Deployment, index int, name string) deploymentView {
	v := deploymentView{Metadata: metadataView{Labels: d.Labels, Annotations: d.Annotations}}
	spec := d.Spec.Template.Spec
	pod := podView{Volumes: spec.Volumes, Containers: make([]containerView, len(spec.Containers))}
	for i, c := range spec.Containers {
		if i == index || c.Name == name {
			pod.Containers[i] = containerView{Command: c.Command, Args: c.Args, Env: c.Env, VolumeMounts: c.VolumeMounts}
		}
	}
	v.Spec.Template.Spec = pod
	return v
}
