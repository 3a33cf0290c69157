package webhook

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// getter is the half of a client.Reader that an admission needs.
type getter interface {
	Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error
}

// fresh reads objects of one kind from a cache while an informer feeds it, and
// live before and after. Before, for an admission cannot wait; after, for a cache
// goes on answering once its manager has ended, with what it held then.
type fresh struct {
	cached, live client.Reader
	informer     cache.Informer
}

func (f fresh) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return f.reader().Get(ctx, key, object, options...)
}

func (f fresh) reader() client.Reader {
	if f.fed() {
		return f.cached
	}
	return f.live
}

func (f fresh) fed() bool { return f.informer.HasSynced() && !f.informer.IsStopped() }
