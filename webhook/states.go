package webhook

import (
	"context"
	"fmt"
	"sync/atomic"

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
// for it.
type stateCache struct {
	cache.Cache
	informer cache.Informer
	parsed   *atomic.Pointer[parsedState]
}

// parsedState spares every admission but the first the parsing of a state that
// changes once in months.
type parsedState struct {
	text  string
	state *injector.State
}

func (stateCache) NeedLeaderElection() bool { return false }

func newStates(ctx context.Context, mgr ctrl.Manager, namespaces []string) (states, error) {
	s := states{live: mgr.GetAPIReader(), caches: map[string]stateCache{}}
	for _, namespace := range namespaces {
		one, err := newStateCache(ctx, mgr, namespace)
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

func newStateCache(ctx context.Context, mgr ctrl.Manager, namespace string) (stateCache, error) {
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
	informer, err := objects.GetInformer(ctx, &corev1.ConfigMap{}, cache.BlockUntilSynced(false))
	if err != nil {
		return stateCache{}, err
	}
	return stateCache{objects, informer, &atomic.Pointer[parsedState]{}}, nil
}

// granted says whether keda-trust has rights in the namespace.
func (s states) granted(namespace string) bool {
	_, granted := s.caches[namespace]
	return granted
}

// read returns the state of a granted namespace, nil where none is published, or it
// was left behind when the namespace lost its label. It is shared: whoever gets it must not change it. One that is outdated by what the
// object says is read live.
func (s states) read(ctx context.Context, namespace string, object carried) (*injector.State, error) {
	one := s.caches[namespace]
	from := fresh{cached: one, live: s.live, informer: one.informer}
	state, err := one.read(ctx, from.reader(), namespace)
	if err == nil && from.fed() && object.outdates(state) {
		return one.read(ctx, s.live, namespace)
	}
	return state, err
}

func (one stateCache) read(ctx context.Context, from client.Reader, namespace string) (*injector.State, error) {
	var published corev1.ConfigMap
	key := client.ObjectKey{Namespace: namespace, Name: injector.StateConfigMap}
	err := from.Get(ctx, key, &published)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s: %w", key, err)
	}
	if injector.Released(published.Annotations) {
		return nil, nil
	}
	text := published.Data[injector.StateKey]
	if last := one.parsed.Load(); last != nil && last.text == text {
		return last.state, nil
	}
	state, err := injector.ParseState([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s, data[%s]: %w", key, injector.StateKey, err)
	}
	one.parsed.Store(&parsedState{text, state})
	return state, nil
}
