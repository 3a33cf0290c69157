package progress

import (
	"math"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// DefaultDeadline is Kubernetes' own for a Deployment to make progress.
const DefaultDeadline = 10 * time.Minute

// Progress is how far a Deployment is with its template. At most one of Done and
// Stalled is set.
type Progress struct {
	// Done: all replicas that are wanted, be it none, are of the template and
	// available, and no others are left.
	Done bool
	// Stalled: it has passed its deadline.
	Stalled bool
	// Paused: its controller carries no template out.
	Paused bool
	// Down: it has been unavailable since before the template was given to it.
	Down bool
	// OldLeft: there are, or may be, replicas of an earlier template.
	OldLeft bool
	// Last is when its controller last noted progress, zero for never.
	Last time.Time
	// Until is when it stalls unless it makes progress.
	Until time.Time
}

// Holds says whether others have to wait for it:
//
//	all replicas are of the template and available, or none is wanted  no
//	ProgressDeadlineExceeded, or its deadline has passed               no
//	paused, or unavailable since before                                no
//	otherwise                                                          yes
func (p Progress) Holds() bool { return !p.Done && !p.Stalled && !p.Paused && !p.Down }

// Of looks at a Deployment whose template was given to it at began.
func Of(d *appsv1.Deployment, began, now time.Time) Progress {
	last := condition(d, appsv1.DeploymentProgressing).LastUpdateTime.Time
	p := Progress{Done: done(d), OldLeft: oldLeft(d), Last: last, Until: began.Add(Deadline(d))}
	if last.After(began) {
		p.Until = last.Add(Deadline(d))
	}
	if p.Done {
		return p
	}
	p.Stalled = exceeded(d) || !now.Before(p.Until)
	p.Paused, p.Down = d.Spec.Paused, downSince(d, began)
	return p
}

// Deadline is how long the Deployment may make no progress; the greatest value that
// there is stands for none, and DefaultDeadline for that.
func Deadline(d *appsv1.Deployment) time.Duration {
	seconds := ptr.Deref(d.Spec.ProgressDeadlineSeconds, math.MaxInt32)
	if seconds == math.MaxInt32 {
		return DefaultDeadline
	}
	return time.Duration(seconds) * time.Second
}

// done is what `kubectl rollout status` waits for.
func done(d *appsv1.Deployment) bool {
	wanted, s := ptr.Deref(d.Spec.Replicas, 1), d.Status
	return wanted == 0 || (observed(d) && s.UpdatedReplicas == wanted && s.Replicas == wanted && s.AvailableReplicas == wanted)
}

// oldLeft does not count what was never looked at: it has no replicas yet.
func oldLeft(d *appsv1.Deployment) bool {
	return d.Status.ObservedGeneration != 0 && (!observed(d) || d.Status.UpdatedReplicas < d.Status.Replicas)
}

func observed(d *appsv1.Deployment) bool { return d.Status.ObservedGeneration >= d.Generation }

// exceeded does not believe what was said of an earlier template.
func exceeded(d *appsv1.Deployment) bool {
	c := condition(d, appsv1.DeploymentProgressing)
	return observed(d) && c.Status == corev1.ConditionFalse && c.Reason == "ProgressDeadlineExceeded"
}

func downSince(d *appsv1.Deployment, began time.Time) bool {
	c := condition(d, appsv1.DeploymentAvailable)
	return c.Status == corev1.ConditionFalse && c.LastTransitionTime.Time.Before(began.Truncate(time.Second))
}

func condition(d *appsv1.Deployment, of appsv1.DeploymentConditionType) appsv1.DeploymentCondition {
	for _, c := range d.Status.Conditions {
		if c.Type == of {
			return c
		}
	}
	return appsv1.DeploymentCondition{}
}
