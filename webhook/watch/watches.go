package watch

import (
	"context"
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Request asks a controller to look at a namespace.
func Request(namespace string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Name: namespace}}
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Informers runs one informer of metadata for each Target that a namespace
// depends on, and ends it when no longer needed. All end with the context that
// Start was given. Nothing waits for them to sync, so a right that is missing in
// one namespace holds up no other.
type Informers struct {
	client metadata.Interface

	mu      sync.Mutex
	ctx     context.Context // of the controller; nil before Start and after Wait
	queue   queue
	running map[string]map[Target]running
	group   sync.WaitGroup
}

// running is one informer, and what ends it.
type running struct {
	stop     context.CancelFunc
	informer cache.SharedIndexInformer
}

// New wires Informers that queue nothing before Start; client may be nil where
// there never is one.
func New(client metadata.Interface) *Informers {
	return &Informers{client: client, running: map[string]map[Target]running{}}
}

// Start takes the controller's queue. It is a source.Func.
func (w *Informers) Start(ctx context.Context, q queue) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.queue = ctx, q
	return nil
}

// Set makes targets the objects whose changes queue namespace. Before Start
// and after Wait there is nothing to queue into, and it does nothing.
func (w *Informers) Set(namespace string, targets []Target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil {
		return
	}
	ours := w.running[namespace]
	if ours == nil {
		ours = map[Target]running{}
		w.running[namespace] = ours
	}
	for _, t := range targets {
		if _, runs := ours[t]; !runs {
			ours[t] = w.run(namespace, t)
		}
	}
	for t, one := range maps.Clone(ours) {
		if !slices.Contains(targets, t) {
			one.stop()
			delete(ours, t)
		}
	}
	if len(ours) == 0 {
		delete(w.running, namespace)
	}
}

// Seen lists a target that is watched for namespace as it was when last something of it
// was seen, or newer, for which an API server does not wait: to make sure that nothing
// newer is there takes it up to 100 ms, and what is newer is told by the watch. What is
// not watched, or was not seen yet, is listed as it is.
func (w *Informers) Seen(namespace string, t Target) client.ListOption {
	w.mu.Lock()
	defer w.mu.Unlock()
	one, runs := w.running[namespace][t]
	if !runs || one.informer.LastSyncResourceVersion() == "" {
		return &client.ListOptions{}
	}
	return &client.ListOptions{Raw: &metav1.ListOptions{
		ResourceVersion: one.informer.LastSyncResourceVersion(), ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
	}}
}

// Wait returns when all informers have ended, and lets none begin any more.
func (w *Informers) Wait() {
	w.mu.Lock()
	w.ctx = nil
	w.mu.Unlock()
	w.group.Wait()
}

// Ended returns when ctx is done and all informers have ended. It is a
// manager.RunnableFunc: a manager waits for what was added to it.
func (w *Informers) Ended(ctx context.Context) error {
	<-ctx.Done()
	w.Wait()
	return nil
}

func (w *Informers) run(namespace string, t Target) running {
	ctx, cancel := context.WithCancel(w.ctx)
	informer := w.informer(ctx, namespace, t)
	w.group.Go(func() { informer.RunWithContext(ctx) })
	return running{cancel, informer}
}

func (w *Informers) informer(ctx context.Context, namespace string, t Target) cache.SharedIndexInformer {
	informer := metadatainformer.NewFilteredMetadataInformer(w.client, t.Resource, t.Namespace, 0, cache.Indexers{}, t.limit).Informer()
	log := logf.FromContext(ctx).WithName("watch").WithValues("namespace", namespace, "resource", t.Resource.Resource, "name", t.Name)
	look := func() { w.queue.Add(Request(namespace)) }
	setUp := []error{
		informer.SetTransform(slim),
		informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
			log.V(1).Info("A watch is interrupted", "error", err.Error())
		}),
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { look() },
		DeleteFunc: func(any) { look() },
		UpdateFunc: func(before, after any) {
			if t.changed(before, after) {
				look()
			}
		},
	})
	for _, err := range append(setUp, err) {
		if err != nil {
			log.Error(err, "An object is not watched, only looked at from time to time")
		}
	}
	return informer
}

// slim drops what kubectl apply leaves behind: a Secret's data, in plain sight.
func slim(object any) (any, error) {
	if m, ok := object.(*metav1.PartialObjectMetadata); ok {
		m.ManagedFields = nil
		delete(m.Annotations, "kubectl.kubernetes.io/last-applied-configuration")
	}
	return object, nil
}
