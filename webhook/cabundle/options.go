package cabundle

import (
	"slices"
	"time"
)

const (
	// stock of repairs, and the time in which one more is added to it.
	repairStock    = 3
	repairInterval = time.Minute
	// A caBundle that was replaced so many times within the window is contested.
	contestedTimes  = 3
	contestedWindow = 10 * time.Minute
	// podsInterval is how often KEDA's Deployments are looked at where they have to
	// be waited for.
	podsInterval = 5 * time.Second
	// podsPatience is after how long that is told: an image that has to be pulled, or
	// a leader that has to let go, takes a few minutes.
	podsPatience = 5 * time.Minute
	// recheck bounds how long a change can go unseen that no watch told of.
	recheck = 10 * time.Minute
	// longestRetry is the longest pause after an error.
	longestRetry = time.Minute
	// reconcileTimeout keeps a request that is never answered from holding up
	// other namespaces.
	reconcileTimeout = time.Minute
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

func (o Options) granted(namespace string) bool { return slices.Contains(o.Namespaces, namespace) }
