package rollout

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
)

// NotBefore is when the brake lets the Deployment restart again at the earliest, by what
// stands on it alone; zero where that is now. A leader that remembers more than one
// restart may wait for longer. To take out what was injected, and for the next stage of a
// change of certificate, nobody waits.
func NotBefore(d *appsv1.Deployment, now time.Time) time.Time {
	last := restartedAt(d, now)
	if at := last.Add(shortestInterval); !last.IsZero() && now.Before(at) {
		return at
	}
	return time.Time{}
}
