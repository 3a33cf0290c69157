package webhook

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// states reads the published state of the granted namespaces, and so knows
// which these are.
type states struct {
	live   client.Reader
	caches map[string]stateCache
}

// stateCache holds one ConfigMap. It runs in every process and lets nothing wait
// for it: before it has synced, reads are live.
type stateCache struct {
	cache.Cache
	informer cache.Informer
}

func (stateCache) NeedLeaderElection() bool { return false }

func newStates(mgr ctrl.Manager, namespaces []string) (states, error) {
	s := states{live: mgr.GetAPIReader(), caches: map[string]stateCache{}}
	for _, namespace := range namespaces {
		one, err := newStateCache(mgr, namespace)
		if err != nil {
			return states{}, fmt.Errorf("setting up the cache of ConfigMap %s/%s: %w", namespace, injector.StateConfigMap, err)
		}
		s.caches[namespace] = one
		if err := mgr.Add(one); err != nil {
			return states{}, fmt.Errorf("adding the cache of ConfigMap %s/%s: %w", namespace, injector.StateConfigMap, err)
		}
	}
	return s, nil
}

func newStateCache(mgr ctrl.Manager, namespace string) (stateCache, error) {
	objects, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient: mgr.GetHTTPClient(),
		Scheme:     mgr.GetScheme(),
		Mapper:     mgr.GetRESTMapper(),
		ByObject: map[client.Object]cache.ByObject{&corev1.ConfigMap{}: {
			Namespaces: map[string]cache.Config{
				namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", injector.StateConfigMap)},
			},
			Transform: cache.TransformStripManagedFields(),
		}},
	})
	if err != nil {
		return stateCache{}, err
	}
	informer, err := objects.GetInformer(context.Background(), &corev1.ConfigMap{}, cache.BlockUntilSynced(false))
	if err != nil {
		return stateCache{}, err
	}
	return stateCache{Cache: objects, informer: informer}, nil
}

// granted says whether keda-trust has rights in the namespace.
func (s states) granted(namespace string) bool {
	_, granted := s.caches[namespace]
	return granted
}

// read returns the state of a granted namespace, nil where none is published.
func (s states) read(ctx context.Context, namespace string) (*injector.State, error) {
	reader := s.live
	if one := s.caches[namespace]; one.informer.HasSynced() {
		reader = one
	}
	var published corev1.ConfigMap
	key := client.ObjectKey{Namespace: namespace, Name: injector.StateConfigMap}
	err := reader.Get(ctx, key, &published)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s: %w", key, err)
	}
	state, err := injector.ParseState([]byte(published.Data[injector.StateKey]))
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s, data[%s]: %w", key, injector.StateKey, err)
	}
	return state, nil
}
