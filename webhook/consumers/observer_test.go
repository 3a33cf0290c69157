package consumers

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/injector"
)

var since = time.Date(2026, 11, 1, 12, 0, 0, 500_000_000, time.UTC)

// status of a Deployment whose generation is 3 and of which two replicas are wanted.
func status(observed int64, updated, all, available int32, conditions ...appsv1.DeploymentCondition) appsv1.DeploymentStatus {
	return appsv1.DeploymentStatus{ObservedGeneration: observed, UpdatedReplicas: updated, Replicas: all, AvailableReplicas: available, Conditions: conditions}
}

func TestADeploymentHoldsUpUntilItsPodsHaveWhatIsPublished(t *testing.T) {
	t.Parallel()
	unavailable := func(at time.Time) appsv1.DeploymentCondition {
		return appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, LastTransitionTime: metav1.Time{Time: at}}
	}
	exceeded := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}
	once := injector.Mounting{ReadsOnce: true, Published: true, Digest: "new"}
	again := injector.Mounting{Published: true}
	for name, c := range map[string]struct {
		m      injector.Mounting
		status appsv1.DeploymentStatus
		paused bool
		age    time.Duration
		want   string
	}{
		"another template":             {injector.Mounting{ReadsOnce: true, Published: true, Digest: "old"}, status(3, 2, 2, 2), false, 0, "has to restart"},
		"no template of ours":          {injector.Mounting{ReadsOnce: true}, status(3, 2, 2, 2), false, 0, "does not mount"},
		"also of one that reads again": {injector.Mounting{}, status(3, 2, 2, 2), false, 0, "does not mount"},
		"also where it has no pods":    {injector.Mounting{}, status(0, 0, 0, 0), false, 0, "does not mount"},

		"complete":                        {once, status(3, 2, 2, 2), false, 0, ""},
		"not seen yet":                    {once, status(2, 2, 2, 2), false, 0, "restarts"},
		"no pods yet":                     {once, status(0, 0, 0, 0), false, 0, ""},
		"half":                            {once, status(3, 1, 3, 2), false, 0, "1 of 2 replicas updated"},
		"an old pod is still there":       {once, status(3, 2, 3, 2), false, 0, "restarts"},
		"not available yet":               {once, status(3, 2, 2, 1), false, 0, "1 available"},
		"past its deadline":               {once, status(3, 2, 2, 1, exceeded), false, 0, ""},
		"past it, with an old pod":        {once, status(3, 1, 3, 2, exceeded), false, 0, "restarts"},
		"past an earlier deadline":        {once, status(2, 1, 3, 2, exceeded), false, 0, "restarts"},
		"unavailable before":              {once, status(3, 1, 2, 0, unavailable(since.Add(-time.Hour))), false, 0, ""},
		"not quite unavailable before":    {once, status(3, 1, 2, 1, unavailable(since.Add(-time.Hour))), false, 0, "restarts"},
		"unavailable by this restart":     {once, status(3, 1, 2, 0, unavailable(since.Truncate(time.Second))), false, 0, "restarts"},
		"paused":                          {once, status(3, 0, 2, 2), true, 24 * time.Hour, "kubectl rollout resume"},
		"paused when it was through":      {once, status(3, 2, 2, 2), true, 0, ""},
		"for ever, without a deadline":    {once, status(3, 1, 3, 2), false, 24 * time.Hour, "restarts"},
		"it reads again, half":            {again, status(3, 1, 3, 2), false, 0, "restarts"},
		"it reads again, not available":   {again, status(3, 2, 2, 1), false, 0, ""},
		"it reads again, paused":          {again, status(3, 0, 2, 2), true, 0, "kubectl rollout resume"},
		"it reads again, paused for long": {again, status(3, 0, 2, 2), true, 10 * time.Minute, ""},
		"it reads again, past it":         {again, status(3, 1, 3, 2, exceeded), false, 0, ""},
		"it reads again, for long":        {again, status(3, 1, 3, 2), false, 10 * time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "keda", Generation: 3}, Spec: appsv1.DeploymentSpec{Replicas: new(int32(2)), Paused: c.paused}, Status: c.status}
			c.m.Deployment = d
			p := Published{State: injector.State{CertificateSecret: injector.PublishedSecret, CertificateDigest: "new"}, Since: since}
			l, holds := Observer{Bound: bound}.mounting(c.m, p, since.Add(c.age))
			if holds != (c.want != "") || !strings.Contains(l.Problem, c.want) {
				t.Errorf("holds up: %v, problem %q, want %q", holds, l.Problem, c.want)
			}
			if want := c.age >= bound; l.Tell != want {
				t.Errorf("told: %v, want %v", l.Tell, want)
			}
		})
	}
}

func TestWhatIsLeftAsInstalledNeedNotMountWhatIsPublished(t *testing.T) {
	t.Parallel()
	m := injector.Mounting{Deployment: &appsv1.Deployment{}}
	if l, holds := (Observer{Bound: bound}).mounting(m, Published{Since: since}, since); holds {
		t.Errorf("holds up, for it %s", l.Problem)
	}
}

func TestARestartByHandIsToldAtOnceWithWhatToDo(t *testing.T) {
	t.Parallel()
	m := injector.Mounting{Deployment: &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "keda-admission"}}}
	p := Published{State: injector.State{CertificateSecret: injector.PublishedSecret, ManualRollout: true}, Since: since}
	l, holds := Observer{Bound: bound}.mounting(m, p, since)
	if !holds || !l.Tell || !strings.Contains(l.Problem, "kubectl rollout restart deployment -n keda keda-admission") {
		t.Errorf("got %+v, holds up: %v", l, holds)
	}
}

func TestACABundleIsReadSomeTimeAfterItWasWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pem     string
		written time.Time
		bound   time.Duration
		until   time.Duration
	}{
		"as soon as it was published":          {"new", since.Add(-time.Hour), bound, dwell},
		"never by us":                          {"new", time.Time{}, bound, dwell},
		"late":                                 {"new", since.Add(time.Minute), bound, time.Minute + dwell},
		"by a clock that is far ahead":         {"new", since.Add(24 * time.Hour), bound, dwell},
		"no longer than anybody is waited for": {"new", time.Time{}, time.Second, time.Second},
		"others":                               {"old", time.Time{}, bound, 1 << 62},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &apiregistrationv1.APIService{Spec: apiregistrationv1.APIServiceSpec{CABundle: []byte(c.pem), Service: &apiregistrationv1.ServiceReference{Namespace: "keda", Name: "m"}}}
			if !c.written.IsZero() {
				api.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: injector.Name, Time: &metav1.Time{Time: c.written}}}
			}
			i, _ := injector.NewInstallation("keda", nil, api, nil)
			p := Published{State: injector.State{CABundle: []byte("new")}, Since: since}
			for _, age := range []time.Duration{0, time.Second, dwell - 1, dwell, 61 * time.Second, time.Minute + dwell, time.Hour} {
				if c.written.After(since.Add(age)) && c.until > dwell {
					continue // it is not written yet
				}
				got := Observer{Bound: c.bound}.caBundles(i, p, since.Add(age))
				if want := age < c.until; (len(got) == 1) != want {
					t.Errorf("after %s: %+v, want it to hold up: %v", age, got, want)
				}
				if len(got) == 1 && got[0].Tell != (c.pem == "old" && age >= bound) {
					t.Errorf("after %s it is told: %v", age, got[0].Tell)
				}
			}
		})
	}
}
