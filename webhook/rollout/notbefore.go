package rollout

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// NotBefore is when the brake lets the Deployment restart again, by what the last nudge
// left on it; zero where that is now. To take out what was injected, and for the next
// stage of a change of certificate, nobody waits.
func NotBefore(d *appsv1.Deployment, now time.Time) time.Time {
	noted := memory{restarted: restartedAt(d, now)}
	noted.learn(d.Annotations[injector.AnnotationNudge], now)
	if at := noted.restartAt(time.Time{}); now.Before(at) {
		return at
	}
	return time.Time{}
}
