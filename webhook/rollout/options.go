package rollout

import "time"

const (
	// recheck bounds how long a change can go unseen that no watch told of.
	recheck = 10 * time.Minute
	// longestRetry is the longest pause after an error.
	longestRetry = time.Minute
	// reconcileTimeout keeps a request that is never answered, in one namespace,
	// from holding up all others.
	reconcileTimeout = time.Minute

	// firstPause follows the first nudge that did not last, and is doubled with
	// each of them. The API server may not have reached any replica just then.
	firstPause = time.Second
	// longestPause is how late a webhook that was down for long is noticed to be
	// back.
	longestPause = 5 * time.Minute
	// tellAfter so many nudges in a row that did not last somebody is told, and
	// the Deployment no longer holds up those after it.
	tellAfter = 3

	// shortestInterval lies between two restarts of one Deployment by us, and
	// longestInterval is the most that it grows to.
	shortestInterval = 2 * time.Minute
	longestInterval  = time.Hour

	// maxSkew is how far ahead the clock of an earlier leader may have been. A
	// nudge from further in the future was written by hand.
	maxSkew = time.Minute
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
