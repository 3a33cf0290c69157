package trust

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// Decision is a resolution, the installation that it is for, and when it was made.
type Decision struct {
	Resolution   injector.Resolution
	Installation injector.Installation
	At           time.Time
}

// Decide is Resolve for who wants to see what it was made from, or what it would
// be with the options of over, the later of which win over the annotations of ns.
func (r Reader) Decide(ctx context.Context, ns *corev1.Namespace, over ...injector.Layer) (Decision, error) {
	seen, err := r.read(ctx, ns, nil, over...)
	return Decision{Resolution: seen.resolution, Installation: seen.installation, At: seen.at}, err
}

// Contents reads sources one by one, by name. That one is absent, forbidden or of
// a kind that is not served is a content too.
func (r Reader) Contents(ctx context.Context, namespace string, sources []injector.Source) (injector.Contents, error) {
	contents, _, err := r.contents(ctx, namespace, sources, sources)
	return contents, err
}
