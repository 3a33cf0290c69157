package flux

import (
	"context"

	"github.com/fluxcd/pkg/ssa/jsondiff"
	"github.com/fluxcd/pkg/ssa/normalize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/e2e/gitops/gitopstest"
	"github.com/keda-trust/keda-trust/e2e/local"
)

// helmRelease is what helm-controller makes of a HelmRelease that detects drift
// and ignores none.
type helmRelease struct{ git []*unstructured.Unstructured }

func (h helmRelease) Reconcile(ctx context.Context) (gitopstest.Cycle, error) {
	var cycle gitopstest.Cycle
	objects := copied(h.git)
	if err := normalize.UnstructuredListWithScheme(objects, direct.Scheme()); err != nil {
		return cycle, err
	}
	const name = "helm-controller"
	drift, err := jsondiff.UnstructuredList(ctx, direct, objects,
		jsondiff.FieldOwner(name),
		jsondiff.ExclusionSelector{"helm.toolkit.fluxcd.io/driftDetection": "disabled"},
		jsondiff.Rationalize(true),
		jsondiff.Graceful(true),
	)
	if err != nil {
		return cycle, err
	}
	for index, diff := range drift {
		title := local.Title(objects[index])
		for _, operation := range diff.Patch {
			cycle.Different = append(cycle.Different, title+" "+operation.Path)
		}
		if diff.Type == jsondiff.DiffTypeNone {
			continue
		}
		cycle.Applied = append(cycle.Applied, title)
		//nolint:staticcheck // it is what Flux uses; apply configurations are for typed objects
		if err := direct.Patch(ctx, objects[index], client.Apply, client.FieldOwner(name), client.ForceOwnership); err != nil {
			return cycle, err
		}
	}
	return cycle, nil
}
