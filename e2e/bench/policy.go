package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
)

//go:embed policy.yaml
var policyYAML string

const policyGroup = "admissionregistration.k8s.io"

// policyVersion is the version in which an API server has
// MutatingAdmissionPolicy, empty where it serves none.
func policyVersion(asked discovery.ServerResourcesInterface) (string, error) {
	for _, version := range []string{"v1", "v1beta1"} {
		served, err := asked.ServerResourcesForGroupVersion(policyGroup + "/" + version)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("asking what %s/%s has: %w", policyGroup, version, err)
		}
		for _, resource := range served.APIResources {
			if resource.Kind == "MutatingAdmissionPolicy" {
				return version, nil
			}
		}
	}
	return "", nil
}

// policyObjects are the policy and its binding for one namespace.
func policyObjects(version, namespace, customCA string) ([]*unstructured.Unstructured, error) {
	text := strings.NewReplacer("$(version)", version, "$(namespace)", namespace, "$(customCA)", customCA).Replace(policyYAML)
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading policy.yaml: %w", err)
		}
		objects = append(objects, object)
	}
}

// addPolicy makes admission in a namespace do by a policy what keda-trust does.
func (b *bench) addPolicy(ctx context.Context, version, namespace string) error {
	objects, err := policyObjects(version, namespace, b.state.CustomCAConfigMap)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if _, err := b.cluster.Apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}
