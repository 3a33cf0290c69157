package injector

import (
	"encoding/json"
	"fmt"

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
	return ops, nil
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
