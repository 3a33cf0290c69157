package rollout

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/progress"
)

// nudgedAt is when any leader last nudged the Deployment, zero for never. Where
// what was injected was taken out, the annotation is gone with it, and the API
// server still knows when we wrote.
func nudgedAt(d *appsv1.Deployment, now time.Time) time.Time {
	left, err := parseMark(d.Annotations[injector.AnnotationNudge])
	if err != nil {
		left.at = injector.LastWritten(d.ManagedFields)
	}
	if left.at.After(now.Add(maxSkew)) {
		return time.Time{}
	}
	return left.at
}

// restartedAt is nudgedAt, zero where the nudge is seen to have restarted nothing: all
// replicas were of the template already, and came to be before it. A controller that
// gives a Deployment another ReplicaSet notes progress as it does.
func restartedAt(d *appsv1.Deployment, now time.Time) time.Time {
	at := nudgedAt(d, now)
	made := progress.Of(d, at, now)
	if !made.OldLeft && !made.Last.IsZero() && made.Last.Add(maxSkew).Before(at) {
		return time.Time{}
	}
	return at
}

// lastOtherWriter is the field manager who wrote the object last, us and the
// controllers of Kubernetes apart; empty where none is known.
func lastOtherWriter(s *subject) string {
	var last time.Time
	writer := ""
	for _, entry := range s.object.GetManagedFields() {
		other := entry.Manager != injector.Name && entry.Manager != "kube-controller-manager" && entry.Subresource == ""
		if other && entry.Time != nil && !entry.Time.Time.Before(last) {
			last, writer = entry.Time.Time, entry.Manager
		}
	}
	return writer
}
