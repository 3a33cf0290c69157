package platform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
)

func TestAClusterWithWhatJourneysDeleteIsRefusedUntilSomebodyLetsThem(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" && os.Getenv("CI") == "" {
		t.Skip("no API server: make test finds or builds one")
	}
	cluster, err := local.StartCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv(Consent, "yes")
	// Of each call's own, for the first locks it.
	connect := func(name string) error {
		kubeconfig := filepath.Join(t.TempDir(), name)
		if err := cluster.WriteKubeconfig(kubeconfig, name, "system:masters"); err != nil {
			t.Fatal(err)
		}
		t.Setenv("KUBECONFIG", kubeconfig)
		_, err := Connect("..", t.TempDir(), 1)
		return err
	}
	if err := cluster.ApplyNamespace(t.Context(), Shop, nil, nil); err != nil {
		t.Fatal(err)
	}
	t.Setenv(Image, "registry.example.com/keda-trust:dev")
	if err := connect("somebody"); err == nil || !strings.Contains(err.Error(), "would delete namespaces/shop") {
		t.Errorf("on a cluster of somebody's: %v", err)
	}
	definition := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "scaledobjects.keda.sh"},
		"spec": map[string]any{
			"group": "keda.sh", "scope": "Namespaced", "names": map[string]any{"plural": "scaledobjects", "kind": "ScaledObject"},
			"versions": []any{map[string]any{
				"name": "v1alpha1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}},
			}},
		},
	}}
	if _, err := cluster.Apply(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	if err := connect("another"); err == nil || !strings.Contains(err.Error(), "would delete customresourcedefinitions/scaledobjects.keda.sh") {
		t.Errorf("on a cluster with somebody's ScaledObjects: %v", err)
	}
	t.Setenv(Loader, "/bin/cluster")
	if err := connect("ours"); err != nil {
		t.Errorf("on one of make cluster: %v", err)
	}
	t.Setenv(Loader, "")
	if err := connect("claimed"); err != nil {
		t.Errorf("on one that is for journeys: %v", err)
	}
}
