package progress_test

import (
	"math"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/webhook/progress"
)

// began is in the middle of a second, as what is noted by us may be.
var began = time.Date(2026, 11, 1, 12, 0, 0, 400_000_000, time.UTC)

func status(observed int64, updated, all, available int32, conditions ...appsv1.DeploymentCondition) appsv1.DeploymentStatus {
	return appsv1.DeploymentStatus{ObservedGeneration: observed, UpdatedReplicas: updated, Replicas: all, AvailableReplicas: available, Conditions: conditions}
}

// unavailable since a time, as the API server stores it.
func unavailable(since time.Time) appsv1.DeploymentCondition {
	return appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, LastTransitionTime: metav1.Time{Time: since.Truncate(time.Second)}}
}

func TestProgressIsReadFromSpecAndStatus(t *testing.T) {
	t.Parallel()
	exceeded := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}
	paused := func(s *appsv1.DeploymentSpec) { s.Paused = true }
	none := func(s *appsv1.DeploymentSpec) { s.Replicas = new(int32(0)) }
	as := func(*appsv1.DeploymentSpec) {}
	type want struct{ done, stalled, paused, down, oldLeft, holds bool }
	for name, c := range map[string]struct {
		spec   func(*appsv1.DeploymentSpec)
		status appsv1.DeploymentStatus
		after  time.Duration
		want   want
	}{
		"complete":                              {as, status(3, 2, 2, 2), 0, want{done: true}},
		"complete, long ago":                    {as, status(3, 2, 2, 2), 24 * time.Hour, want{done: true}},
		"nothing is wanted":                     {none, status(2, 0, 1, 1), 0, want{done: true, oldLeft: true}},
		"not seen yet":                          {as, status(2, 2, 2, 2), 0, want{oldLeft: true, holds: true}},
		"never looked at":                       {as, status(0, 0, 0, 0), 0, want{holds: true}},
		"half":                                  {as, status(3, 1, 3, 2), 0, want{oldLeft: true, holds: true}},
		"an old replica is still there":         {as, status(3, 2, 3, 2), 0, want{oldLeft: true, holds: true}},
		"not available yet":                     {as, status(3, 2, 2, 1), 0, want{holds: true}},
		"just before its deadline":              {as, status(3, 2, 2, 1), 90*time.Second - 1, want{holds: true}},
		"at its deadline":                       {as, status(3, 2, 2, 1), 90 * time.Second, want{stalled: true}},
		"Kubernetes says that it is past it":    {as, status(3, 1, 3, 2, exceeded), 0, want{stalled: true, oldLeft: true}},
		"Kubernetes said so of one before":      {as, status(2, 1, 3, 2, exceeded), 0, want{oldLeft: true, holds: true}},
		"paused":                                {paused, status(3, 0, 2, 2), 0, want{paused: true, oldLeft: true}},
		"unavailable before":                    {as, status(3, 1, 2, 0, unavailable(began.Add(-time.Hour))), 0, want{down: true, oldLeft: true}},
		"unavailable in the second before":      {as, status(3, 1, 1, 0, unavailable(began.Add(-time.Second))), 0, want{down: true}},
		"unavailable by it, in the same second": {as, status(3, 0, 0, 0, unavailable(began.Add(200*time.Millisecond))), 0, want{holds: true}},
		"unavailable by it, later":              {as, status(3, 1, 2, 0, unavailable(began.Add(time.Minute))), 0, want{oldLeft: true, holds: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &appsv1.Deployment{
				ObjectMeta: metav1.ObjectMeta{Generation: 3},
				Spec:       appsv1.DeploymentSpec{Replicas: new(int32(2)), ProgressDeadlineSeconds: new(int32(90))}, Status: c.status,
			}
			c.spec(&d.Spec)
			p := progress.Of(d, began, began.Add(c.after))
			if got := (want{p.Done, p.Stalled, p.Paused, p.Down, p.OldLeft, p.Holds()}); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if !p.Until.Equal(began.Add(90 * time.Second)) {
				t.Errorf("until %s, want its deadline", p.Until)
			}
		})
	}
}

func TestProgressThatIsMadePutsTheDeadlineOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ last, want time.Duration }{
		"none since then":  {-time.Hour, 90 * time.Second},
		"some a while ago": {time.Minute, 150 * time.Second},
	} {
		last := metav1.Time{Time: began.Add(c.last)}
		d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{ProgressDeadlineSeconds: new(int32(90))}, Status: status(0, 0, 1, 0,
			appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, LastUpdateTime: last})}
		if p := progress.Of(d, began, began.Add(100*time.Second)); !p.Until.Equal(began.Add(c.want)) || p.Stalled != (c.want < 100*time.Second) {
			t.Errorf("%s: until %s, stalled %v", name, p.Until, p.Stalled)
		}
	}
}

func TestADeploymentWithoutADeadlineHasKubernetesOwn(t *testing.T) {
	t.Parallel()
	for name, seconds := range map[string]*int32{"none is set": nil, "it is told to have none": new(int32(math.MaxInt32))} {
		d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{ProgressDeadlineSeconds: seconds}}
		if got := progress.Deadline(d); got != progress.DefaultDeadline {
			t.Errorf("%s: %s, want %s", name, got, progress.DefaultDeadline)
		}
	}
}
