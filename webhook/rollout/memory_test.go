package rollout

import (
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestOnlyWhatGoesSomewhereElseOrWasTakenBackIsAStrike(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	type restart struct {
		after     time.Duration
		target    string
		takenBack bool
	}
	for name, c := range map[string]struct {
		restarts []restart
		want     int
	}{
		"stages of one change":            {[]restart{{0, "a", false}, {time.Minute, "a", false}, {time.Minute, "a", false}}, 0},
		"another change each time":        {[]restart{{0, "a", false}, {time.Minute, "b", false}, {time.Minute, "a", false}}, 2},
		"where no target was noted":       {[]restart{{0, "", false}, {time.Minute, "", false}}, 1},
		"what was taken back":             {[]restart{{0, "a", false}, {time.Minute, "a", true}}, 1},
		"another change after an hour":    {[]restart{{0, "a", false}, {time.Minute, "b", false}, {time.Hour, "c", false}}, 0},
		"stages do not forgive others":    {[]restart{{0, "a", false}, {time.Minute, "b", false}, {time.Minute, "b", false}}, 1},
		"the first of all is none either": {[]restart{{0, "a", false}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, now, before := &memory{}, start, time.Time{}
			for _, r := range c.restarts {
				now = now.Add(r.after)
				if !r.takenBack { // each is another state
					m.tries, m.answered = 0, false
				}
				m.tried(before, now, r.target, true, true)
				before = now
			}
			if m.strikes != c.want {
				t.Errorf("%d strikes, want %d", m.strikes, c.want)
			}
		})
	}
}

func TestARefusalIsAnAnswerThatStays(t *testing.T) {
	t.Parallel()
	deployments := schema.GroupResource{Group: "apps", Resource: "deployments"}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"forbidden":                          {apierrors.NewForbidden(deployments, "keda", errors.New("no")), true},
		"a webhook that could not be called": {apierrors.NewInternalError(errors.New("failed calling webhook")), true},
		"a policy with a code of its own":    {&apierrors.StatusError{ErrStatus: metav1.Status{Code: 400}}, true},
		"a conflict":                         {apierrors.NewConflict(deployments, "keda", errors.New("modified")), false},
		"too much to do":                     {apierrors.NewTooManyRequests("later", 1), false},
		"a timeout":                          {apierrors.NewTimeoutError("later", 1), false},
		"a timeout of storage":               {apierrors.NewServerTimeout(deployments, "patch", 1), false},
		"nobody answers":                     {errors.New("connection refused"), false},
	} {
		if got := refused(c.err); got != c.want {
			t.Errorf("%s: refused %v, want %v", name, got, c.want)
		}
	}
}
