package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// What the platform team calls its own.
const (
	certificateSecret = "keda-tls"
	rootsConfigMap    = "corp-roots"
)

var (
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// team is the platform team, with what its CAs made.
type team struct {
	certificate *certificates.Pair // KEDA's
	roots       *certificates.Pair // whose CA KEDA's scalers have to trust
}

// enable does what a platform team does to have KEDA injected.
func (st *stage) enable(ctx context.Context) error {
	var err error
	if st.team, err = newTeam(); err != nil {
		return err
	}
	if err := os.WriteFile(st.file("ca.crt"), st.team.certificate.CA, 0o644); err != nil {
		return fmt.Errorf("writing ca.crt: %w", err)
	}
	for _, object := range []*unstructured.Unstructured{st.team.secret(), st.team.configMap()} {
		if _, err := st.cluster.Apply(ctx, object); err != nil {
			return err
		}
	}
	if err := st.annotate(ctx); err != nil {
		return err
	}
	st.out.step("What a platform team does: a certificate, a CA, a label.")
	st.out.say(`  kubectl create secret generic %[1]s -n keda --type kubernetes.io/tls --from-file tls.crt --from-file tls.key --from-file ca.crt
  kubectl create configmap %[2]s -n keda --from-file ca.crt
  kubectl annotate namespace keda %[3]s=secret/%[1]s %[4]s=configmap/%[2]s
  kubectl label namespace keda %[5]s=enabled`,
		certificateSecret, rootsConfigMap, injector.AnnotationCertificate, injector.AnnotationCustomCA, injector.LabelInject)
	return st.untilAdmitted(ctx)
}

func newTeam() (*team, error) {
	certificate, err := certificates.Issue("Example Internal", local.KEDAHosts())
	if err != nil {
		return nil, err
	}
	roots, err := certificates.Issue("Example Corporate Root 2026", nil)
	if err != nil {
		return nil, err
	}
	return &team{certificate: certificate, roots: roots}, nil
}

func (t *team) secret() *unstructured.Unstructured {
	secret := object("Secret", certificateSecret, map[string]any{
		"tls.crt": string(t.certificate.Certificate),
		"tls.key": string(t.certificate.Key),
		"ca.crt":  string(t.certificate.CA),
	}, "stringData")
	secret.Object["type"] = "kubernetes.io/tls"
	return secret
}

func (t *team) configMap() *unstructured.Unstructured {
	return object("ConfigMap", rootsConfigMap, map[string]any{"ca.crt": string(t.roots.CA)}, "data")
}

// annotate writes to the Namespace as kubectl label and annotate do: a patch,
// so that an installer which applies the Namespace leaves both alone.
func (st *stage) annotate(ctx context.Context) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"labels": map[string]string{injector.LabelInject: "enabled"},
		"annotations": map[string]string{
			injector.AnnotationCertificate: "secret/" + certificateSecret,
			injector.AnnotationCustomCA:    "configmap/" + rootsConfigMap,
		},
	}})
	if err != nil {
		return fmt.Errorf("encoding a patch: %w", err)
	}
	_, err = st.cluster.Client.Resource(namespaces).Patch(ctx, injector.DefaultKEDANamespace,
		types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kubectl-label"})
	if err != nil {
		return fmt.Errorf("labelling Namespace %s: %w", injector.DefaultKEDANamespace, err)
	}
	return nil
}

// object is a ConfigMap or a Secret in KEDA's namespace.
func object(kind, name string, content map[string]any, field string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       kind,
		"metadata":   map[string]any{"name": name, "namespace": injector.DefaultKEDANamespace},
		field:        content,
	}}
}

func namespace(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       "Namespace",
		"metadata":   map[string]any{"name": name},
	}}
}
