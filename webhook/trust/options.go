package trust

import (
	"net"
	"time"

	"github.com/keda-trust/keda-trust/webhook/endpoints"
)

// DefaultConvergenceTimeout is five minutes: a kubelet looks at a mounted Secret
// once a minute and takes it from a cache that may be another minute old, and a
// busy one is late. Doubled, and a moment for KEDA to read it.
const DefaultConvergenceTimeout = 5 * time.Minute

const (
	// recheck bounds how long a change can go unseen that no watch told of.
	recheck = 10 * time.Minute
	// recheckUnresolved is the same while a fault keeps anything from being
	// published: what is missing may be a kind, which cannot be watched before
	// the cluster serves it, and what lasts is told again.
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
	// maxSkew is how far ahead the clock of an earlier leader may have been. What it
	// noted beyond is not believed, for nobody would be waited for in time.
	maxSkew = time.Minute
)

// Options configure the controller.
type Options struct {
	// Namespaces are those in which keda-trust was granted its Roles.
	Namespaces []string
	// ConvergenceTimeout is how long a stage of a change of certificate waits for
	// consumers that cannot be seen; zero for DefaultConvergenceTimeout.
	ConvergenceTimeout time.Duration
	// Dial reaches KEDA's pods; nil for the network.
	Dial endpoints.Dialer
	// Now is the clock; nil for the machine's.
	Now func() time.Time
}

func (o Options) convergenceTimeout() time.Duration {
	if o.ConvergenceTimeout == 0 {
		return DefaultConvergenceTimeout
	}
	return o.ConvergenceTimeout
}

// quiet is no longer than consumers are waited for: what has arrived everywhere
// may be followed by the next.
func (o Options) quiet() time.Duration { return min(quiet, o.convergenceTimeout()) }

func (o Options) dial() endpoints.Dialer {
	if o.Dial == nil {
		return new(net.Dialer).DialContext
	}
	return o.Dial
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}
