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
	running map[string]map[Target]context.CancelFunc
	group   sync.WaitGroup
}

// New wires Informers that queue nothing before Start; client may be nil where
// there never is one.
func New(client metadata.Interface) *Informers {
	return &Informers{client: client, running: map[string]map[Target]context.CancelFunc{}}
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
	running := w.running[namespace]
	if running == nil {
		running = map[Target]context.CancelFunc{}
		w.running[namespace] = running
	}
	for _, t := range targets {
		if running[t] == nil {
			running[t] = w.run(namespace, t)
		}
	}
	for t, stop := range maps.Clone(running) {
		if !slices.Contains(targets, t) {
			stop()
			delete(running, t)
		}
	}
	if len(running) == 0 {
		delete(w.running, namespace)
	}
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

func (w *Informers) run(namespace string, t Target) context.CancelFunc {
	ctx, cancel := context.WithCancel(w.ctx)
	informer := w.informer(ctx, namespace, t)
	w.group.Go(func() { informer.RunWithContext(ctx) })
	return cancel
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
