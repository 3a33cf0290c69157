package rollout

import (
	"math"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/keda-trust/keda-trust/injector"
)

// progress is how far a Deployment is with what was nudged into it.
type progress struct {
	done    bool
	stalled bool
	// holds: those after it wait, until then at the latest.
	holds bool
	until time.Time
}

// progressOf looks at a Deployment that was nudged at a time, zero for never.
//
//	all replicas updated and available, no old ones left     done
//	never nudged                                             holds nobody up
//	ProgressDeadlineExceeded, or its deadline since then     stalled
//	paused, or unavailable since before                      holds nobody up
//	otherwise                                                holds
func progressOf(d *appsv1.Deployment, nudged, now time.Time) progress {
	switch {
	case settled(d):
		return progress{done: true}
	case nudged.IsZero():
		return progress{}
	}
	p := progress{until: nudged.Add(deadline(d))}
	p.stalled = exceeded(d) || !now.Before(p.until)
	p.holds = !p.stalled && !d.Spec.Paused && !unavailableSince(d, nudged)
	return p
}

// settled is what `kubectl rollout status` waits for.
func settled(d *appsv1.Deployment) bool {
	desired := ptr.Deref(d.Spec.Replicas, 1)
	s := d.Status
	return desired == 0 || (observed(d) && s.UpdatedReplicas == desired && s.Replicas == desired && s.AvailableReplicas == desired)
}

func observed(d *appsv1.Deployment) bool { return d.Status.ObservedGeneration >= d.Generation }

// deadline is that of the Deployment; the greatest there is stands for none.
func deadline(d *appsv1.Deployment) time.Duration {
	seconds := ptr.Deref(d.Spec.ProgressDeadlineSeconds, math.MaxInt32)
	if seconds == math.MaxInt32 {
		return defaultDeadline
	}
	return time.Duration(seconds) * time.Second
}

// exceeded does not believe what was said of an earlier template.
func exceeded(d *appsv1.Deployment) bool {
	c := condition(d, appsv1.DeploymentProgressing)
	return observed(d) && c != nil && c.Status == corev1.ConditionFalse && c.Reason == "ProgressDeadlineExceeded"
}

func unavailableSince(d *appsv1.Deployment, then time.Time) bool {
	c := condition(d, appsv1.DeploymentAvailable)
	return c != nil && c.Status == corev1.ConditionFalse && !c.LastTransitionTime.After(then)
}

func condition(d *appsv1.Deployment, kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range d.Status.Conditions {
		if d.Status.Conditions[i].Type == kind {
			return &d.Status.Conditions[i]
		}
	}
	return nil
}

// nudgedAt is when any leader last nudged the Deployment, zero for never. Where
// what was injected was taken out, the annotation is gone with it, and the API
// server still knows when we wrote.
func nudgedAt(d *appsv1.Deployment, now time.Time) time.Time {
	at, err := time.Parse(time.RFC3339, d.Annotations[injector.AnnotationNudge])
	if err != nil {
		at = lastWrite(d)
	}
	if at.After(now.Add(maxSkew)) {
		return time.Time{}
	}
	return at
}

func lastWrite(d *appsv1.Deployment) time.Time {
	var last time.Time
	for _, entry := range d.ManagedFields {
		if entry.Manager == injector.Name && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
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
