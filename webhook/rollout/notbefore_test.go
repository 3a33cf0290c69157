package rollout

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/injector"
)

func TestARestartWaitsForTheOneBefore(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	progressed := func(at time.Time) appsv1.DeploymentStatus {
		return appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, LastUpdateTime: metav1.NewTime(at)}}}
	}
	for name, c := range map[string]struct {
		nudged  time.Time
		strikes int
		status  appsv1.DeploymentStatus
		want    time.Time
	}{
		"that was a minute ago":                    {now.Add(-time.Minute), 0, appsv1.DeploymentStatus{}, now.Add(time.Minute)},
		"that was two minutes ago":                 {now.Add(-2 * time.Minute), 0, appsv1.DeploymentStatus{}, time.Time{}},
		"for longer where others came too soon":    {now.Add(-time.Minute), 1, appsv1.DeploymentStatus{}, now.Add(3 * time.Minute)},
		"that has made progress":                   {now.Add(-time.Minute), 0, progressed(now.Add(-30 * time.Second)), now.Add(time.Minute)},
		"and for no nudge that restarted nothing":  {now.Add(-time.Minute), 0, progressed(now.Add(-time.Hour)), time.Time{}},
		"and for none that was never":              {time.Time{}, 0, appsv1.DeploymentStatus{}, time.Time{}},
		"and for none that somebody dated to come": {now.Add(time.Hour), 0, appsv1.DeploymentStatus{}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &appsv1.Deployment{Status: c.status}
			if !c.nudged.IsZero() {
				d.Annotations = map[string]string{injector.AnnotationNudge: mark{c.nudged, c.strikes}.String()}
			}
			if got := NotBefore(d, now); !got.Equal(c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
