package flux

import (
	"context"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/gitops/gitopstest"
	"github.com/keda-trust/keda-trust/e2e/local"
)

const kustomize = "kustomize.toolkit.fluxcd.io"

// kustomization is what kustomize-controller makes of a Kustomization without
// any settings.
type kustomization struct{ git []*unstructured.Unstructured }

func (k kustomization) Reconcile(ctx context.Context) (gitopstest.Cycle, error) {
	var cycle gitopstest.Cycle
	const name = "kustomize-controller"
	manager := ssa.NewResourceManager(direct, polling.NewStatusPoller(direct, direct.RESTMapper(), polling.Options{}),
		ssa.Owner{Field: name, Group: kustomize})
	objects := copied(k.git)
	manager.SetOwnerLabels(objects, "keda", "flux-system")
	if err := normalize.UnstructuredList(objects); err != nil {
		return cycle, err
	}
	for _, object := range copied(objects) {
		_, live, merged, err := manager.Diff(ctx, object, ssa.DefaultDiffOptions())
		if err != nil {
			return cycle, err
		}
		if live == nil {
			continue // not there yet, or the same
		}
		for _, path := range gitopstest.Paths(live.Object, merged.Object) {
			cycle.Different = append(cycle.Different, local.Title(object)+" "+path)
		}
	}
	changes, err := manager.ApplyAllStaged(ctx, objects, optionsOf(name))
	if err != nil {
		return cycle, err
	}
	for _, change := range changes.Entries {
		if change.Action == ssa.ConfiguredAction {
			cycle.Applied = append(cycle.Applied, change.Subject)
		}
	}
	return cycle, nil
}

// optionsOf are those that the controller of that name has.
func optionsOf(name string) ssa.ApplyOptions {
	options := ssa.DefaultApplyOptions()
	options.ExclusionSelector = map[string]string{kustomize + "/reconcile": "disabled", kustomize + "/ssa": "Ignore"}
	options.IfNotPresentSelector = map[string]string{kustomize + "/ssa": "IfNotPresent"}
	options.ForceSelector = map[string]string{kustomize + "/force": "enabled"}
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{corev1.LastAppliedConfigAnnotation, kustomize + "/checksum", "fluxcd.io/sync-checksum"},
		Labels:      []string{"fluxcd.io/sync-gc-mark"},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: name, OperationType: metav1.ManagedFieldsOperationUpdate},
		},
		Exclusions: map[string]string{kustomize + "/ssa": "Merge"},
	}
	return options
}

func copied(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, object := range objects {
		all = append(all, object.DeepCopy())
	}
	return all
}
