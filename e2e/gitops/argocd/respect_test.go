package argocd

import (
	argodiff "github.com/argoproj/argo-cd/v3/util/argo/diff"
	"github.com/argoproj/gitops-engine/pkg/sync"
	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
)

// respectIgnored is what the sync option RespectIgnoreDifferences makes of what
// Git says: Argo CD's normalizeTargetResources.
func respectIgnored(all sync.ReconciliationResult, config argodiff.DiffConfig) ([]*unstructured.Unstructured, error) {
	normalized, err := argodiff.Normalize(all.Live, all.Target, config)
	if err != nil {
		return nil, err
	}
	var patched []*unstructured.Unstructured
	for index, live := range all.Live {
		target := all.Target[index]
		if live != nil {
			if target, err = withIgnored(normalized.Targets[index], normalized.Lives[index], live); err != nil {
				return nil, err
			}
		}
		patched = append(patched, target)
	}
	return patched, nil
}

// withIgnored gives a target what was left out of the live object.
func withIgnored(target, without, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	var documents [3][]byte
	for index, object := range []*unstructured.Unstructured{target, without, live} {
		var err error
		if documents[index], err = object.MarshalJSON(); err != nil {
			return nil, err
		}
	}
	result, err := merge(documents[0], documents[1], documents[2], target)
	if err != nil {
		return nil, err
	}
	patched := &unstructured.Unstructured{}
	return patched, patched.UnmarshalJSON(result)
}

func merge(target, without, live []byte, like *unstructured.Unstructured) ([]byte, error) {
	typed, err := scheme.Scheme.New(like.GroupVersionKind())
	if err != nil { // a kind that client-go does not know
		patch, err := jsonpatch.CreateMergePatch(without, live)
		if err != nil {
			return nil, err
		}
		return jsonpatch.MergePatch(target, patch)
	}
	schema, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return nil, err
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(live, live, without, schema, true)
	if err != nil {
		return nil, err
	}
	return strategicpatch.StrategicMergePatch(target, patch, typed)
}
