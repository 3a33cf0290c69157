package manifests_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/manifests"
)

// kinds are all the kinds that install.yaml may hold: another one has to be
// thought about, and added here.
var kinds = map[string]func() client.Object{
	"Namespace":                        func() client.Object { return &corev1.Namespace{} },
	"ServiceAccount":                   func() client.Object { return &corev1.ServiceAccount{} },
	"Service":                          func() client.Object { return &corev1.Service{} },
	"Deployment":                       func() client.Object { return &appsv1.Deployment{} },
	"PodDisruptionBudget":              func() client.Object { return &policyv1.PodDisruptionBudget{} },
	"ClusterRole":                      func() client.Object { return &rbacv1.ClusterRole{} },
	"ClusterRoleBinding":               func() client.Object { return &rbacv1.ClusterRoleBinding{} },
	"Role":                             func() client.Object { return &rbacv1.Role{} },
	"RoleBinding":                      func() client.Object { return &rbacv1.RoleBinding{} },
	"MutatingWebhookConfiguration":     func() client.Object { return &admissionregistrationv1.MutatingWebhookConfiguration{} },
	"ValidatingAdmissionPolicy":        func() client.Object { return &admissionregistrationv1.ValidatingAdmissionPolicy{} },
	"ValidatingAdmissionPolicyBinding": func() client.Object { return &admissionregistrationv1.ValidatingAdmissionPolicyBinding{} },
}

// objects decodes install.yaml strictly: a field that the API does not know is a
// failure, not something that the API server drops.
func objects() ([]client.Object, error) {
	var decoded []client.Object
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests.InstallYAML)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return decoded, nil
		}
		if err != nil {
			return nil, err
		}
		object, err := decode(document)
		if err != nil {
			return nil, err
		}
		if object != nil {
			decoded = append(decoded, object)
		}
	}
}

func decode(document []byte) (client.Object, error) {
	var head runtime.TypeMeta
	if err := yaml.Unmarshal(document, &head); err != nil {
		return nil, err
	}
	if head.Kind == "" {
		return nil, nil
	}
	empty, known := kinds[head.Kind]
	if !known {
		return nil, errors.New("install.yaml holds a " + head.Kind + ", which no test knows")
	}
	object := empty()
	return object, yaml.UnmarshalStrict(document, object)
}

// one is the only object of its type in install.yaml with that namespace and name.
func one[T client.Object](t *testing.T, namespace, name string) T {
	t.Helper()
	all, err := objects()
	if err != nil {
		t.Fatal(err)
	}
	var found []T
	for _, object := range all {
		if typed, ok := object.(T); ok && object.GetNamespace() == namespace && object.GetName() == name {
			found = append(found, typed)
		}
	}
	if len(found) != 1 {
		t.Fatalf("install.yaml holds %d objects %T %s/%s, want one", len(found), *new(T), namespace, name)
	}
	return found[0]
}
