package trust

import "time"

const (
	// recheck bounds how long a change can go unseen that no watch told of.
	recheck = 10 * time.Minute
	// recheckUnresolved is the same while a fault keeps anything from being
	// published: what is missing may be a kind, which cannot be watched before
	// the cluster serves it.
	recheckUnresolved = time.Minute
	// longestRetry is the longest pause after an error: a Role that was missing
	// sends no event when it is there.
	longestRetry = time.Minute
	// reconcileTimeout keeps a request that is never answered, in one namespace,
	// from holding up all others.
	reconcileTimeout = time.Minute
	// pruneAfter is how long a ConfigMap of custom CAs outlives its state, so
	// that an admission under way does not name what is being deleted.
	pruneAfter = 10 * time.Minute
)

// Options configure the controller.
type Options struct {
	// Namespaces are those in which keda-trust was granted its Roles.
	Namespaces []string
	// Now is the clock; nil for the machine's.
	Now func() time.Time
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}
