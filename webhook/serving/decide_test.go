package serving

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"
)

// decided is what Decide is to say.
type decided struct {
	story  string
	given  Certificates
	now    time.Time
	action Action
	reason Reason
	after  time.Duration
}

func decisions(t *testing.T) (Policy, []decided) {
	t.Helper()
	policy := Policy{CALifetime: 90 * 24 * time.Hour, LeafLifetime: 24 * time.Hour, Dwell: 5 * time.Minute, ForcedDwell: 30 * time.Second}
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	current, next := mustCA(t, start, policy.CALifetime), mustCA(t, start, policy.CALifetime)
	due := twoThirds(current)
	crowd := make([]*x509.Certificate, maxPrevious)
	for i := range crowd {
		crowd[i] = next.Certificate
	}
	one := crowd[:1]

	return policy, []decided{
		{"no Secret", Certificates{}, start, Repair, Missing, 0},
		{"a Secret that does not parse, whatever else is due", Certificates{Current: current, Fault: errors.New("broken"), Next: next}, due, Repair, Corrupt, 0},
		{"the current CA ends this instant", Certificates{Current: current}, current.Certificate.NotAfter, Repair, Expired, 0},
		{"the current CA ended, the next is there", Certificates{Current: current, Next: next}, current.Certificate.NotAfter.Add(1), Repair, Expired, 0},
		{"a clock that is behind destroys nothing", Certificates{Current: current}, start.Add(-48 * time.Hour), Keep, Current, due.Sub(start) + 48*time.Hour},
		{"fresh", Certificates{Current: current}, start, Keep, Current, due.Sub(start)},
		{"the instant before two thirds", Certificates{Current: current}, due.Add(-1), Keep, Current, 1},
		{"two thirds", Certificates{Current: current}, due, Stage, TwoThirds, 0},
		{"forced", Certificates{Current: current, Requested: "a"}, start, Stage, Forced, 0},
		{"forced again with another value", Certificates{Current: current, Requested: "b", Rotated: "a"}, start, Stage, Forced, 0},
		{"forced by a value that was taken up", Certificates{Current: current, Requested: "a", Rotated: "a"}, start, Keep, Current, due.Sub(start)},
		{"the request was taken away", Certificates{Current: current, Rotated: "a"}, start, Keep, Current, due.Sub(start)},
		{"forced and by time: forced counts", Certificates{Current: current, Requested: "a"}, due, Stage, Forced, 0},
		{"next is nowhere", Certificates{Current: current, Next: next}, start, Publish, Unpublished, 0},
		{"next is in the caBundle, nobody has dated it", Certificates{Current: current, Next: next, NextInBundle: true}, start, Publish, Unpublished, 0},
		{"next was taken out of the caBundle, the dwell over", Certificates{Current: current, Next: next, NextPublished: start}, start.Add(time.Hour), Publish, Unpublished, 0},
		{"the dwell runs", Certificates{Current: current, Next: next, NextInBundle: true, NextPublished: start, Why: TwoThirds}, start.Add(time.Minute), Keep, Dwelling, 4 * time.Minute},
		{"the dwell is over", Certificates{Current: current, Next: next, NextInBundle: true, NextPublished: start, Why: TwoThirds}, start.Add(5 * time.Minute), Promote, TwoThirds, 0},
		{"the dwell of a reason that we do not know is the long one", Certificates{Current: current, Next: next, NextInBundle: true, NextPublished: start, Why: "?"}, start.Add(time.Minute), Keep, Dwelling, 4 * time.Minute},
		{"the forced dwell runs", Certificates{Current: current, Next: next, NextInBundle: true, NextPublished: start, Why: Forced}, start.Add(29 * time.Second), Keep, Dwelling, time.Second},
		{"the forced dwell is over", Certificates{Current: current, Next: next, NextInBundle: true, NextPublished: start, Why: Forced}, start.Add(30 * time.Second), Promote, Forced, 0},
		{"a request during a rotation waits for its end", Certificates{Current: current, Next: next, NextInBundle: true, NextPublished: start, Why: TwoThirds, Requested: "a"}, start, Keep, Dwelling, 5 * time.Minute},
		{"leaves of previous may be served", Certificates{Current: current, Previous: one, Promoted: start}, start.Add(24 * time.Hour), Keep, LeavesServed, 5 * time.Minute},
		{"no leaf of previous can be served", Certificates{Current: current, Previous: one, Promoted: start}, start.Add(24*time.Hour + 5*time.Minute), Drop, LeavesEnded, 0},
		{"previous does not hold up a forced rotation", Certificates{Current: current, Previous: one, Promoted: start, Requested: "a"}, start, Stage, Forced, 0},
		{"seven previous do not either", Certificates{Current: current, Previous: crowd[1:], Promoted: start, Requested: "a"}, start, Stage, Forced, 0},
		{"eight previous do", Certificates{Current: current, Previous: crowd, Promoted: start, Requested: "a"}, start, Keep, Crowded, 24*time.Hour + 5*time.Minute},
		{"eight previous that are due make room", Certificates{Current: current, Previous: crowd, Promoted: start, Requested: "a"}, start.Add(25 * time.Hour), Drop, LeavesEnded, 0},
	}
}

func TestDecideFollowsItsTable(t *testing.T) {
	t.Parallel()
	policy, tests := decisions(t)
	for _, test := range tests {
		t.Run(test.story, func(t *testing.T) {
			t.Parallel()
			got := policy.Decide(test.given, test.now)
			if want := (Decision{test.action, test.reason, test.after}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func mustCA(t *testing.T, now time.Time, lifetime time.Duration) *CA {
	t.Helper()
	ca, err := NewCA(now, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}
