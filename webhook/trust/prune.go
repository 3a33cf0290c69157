package trust

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// prune deletes our ConfigMaps of custom CAs that neither the state nor a
// ReplicaSet nor a Deployment names. A ReplicaSet scaled to nothing counts:
// rollout undo goes back to it.
func (p publisher) prune(ctx context.Context, namespace string, now time.Time) error {
	old, err := p.superseded(ctx, namespace, now)
	if err != nil || len(old) == 0 {
		return err
	}
	named, err := p.namedConfigMaps(ctx, namespace)
	if err != nil {
		return err
	}
	for i := range old {
		if named[old[i].Name] {
			continue
		}
		if err := p.delete(ctx, &old[i]); err != nil {
			return err
		}
	}
	return nil
}

// superseded are those that the state does not name, and has not for a while.
func (p publisher) superseded(ctx context.Context, namespace string, now time.Time) ([]corev1.ConfigMap, error) {
	list := &corev1.ConfigMapList{}
	if err := p.live.List(ctx, list, client.InNamespace(namespace), client.MatchingLabels{injector.LabelManagedBy: injector.Name}); err != nil {
		return nil, fmt.Errorf("listing ConfigMaps in Namespace %s: %w", namespace, err)
	}
	var old []corev1.ConfigMap
	current := ""
	for _, configMap := range list.Items {
		switch {
		case strings.HasPrefix(configMap.Name, injector.PublishedCAPrefix):
			old = append(old, configMap)
		case configMap.Name == injector.StateConfigMap:
			state, err := injector.ParseState([]byte(configMap.Data[injector.StateKey]))
			if err != nil || now.Sub(written(&configMap, now)) < pruneAfter {
				return nil, err
			}
			current = state.CustomCAConfigMap
		}
	}
	return without(old, current), nil
}

func without(configMaps []corev1.ConfigMap, name string) []corev1.ConfigMap {
	var out []corev1.ConfigMap
	for _, configMap := range configMaps {
		if configMap.Name != name {
			out = append(out, configMap)
		}
	}
	return out
}

func (p publisher) namedConfigMaps(ctx context.Context, namespace string) (map[string]bool, error) {
	named := map[string]bool{}
	deployments := &appsv1.DeploymentList{}
	if err := p.live.List(ctx, deployments, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("listing Deployments in Namespace %s: %w", namespace, err)
	}
	for i := range deployments.Items {
		collect(named, deployments.Items[i].Spec.Template.Spec)
	}
	replicaSets := &appsv1.ReplicaSetList{}
	if err := p.live.List(ctx, replicaSets, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("listing ReplicaSets in Namespace %s: %w", namespace, err)
	}
	for i := range replicaSets.Items {
		collect(named, replicaSets.Items[i].Spec.Template.Spec)
	}
	return named, nil
}

func collect(named map[string]bool, spec corev1.PodSpec) {
	for _, volume := range spec.Volumes {
		if volume.ConfigMap != nil {
			named[volume.ConfigMap.Name] = true
		}
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.ConfigMap != nil {
				named[source.ConfigMap.Name] = true
			}
		}
	}
}
