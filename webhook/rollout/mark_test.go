package rollout

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// One version runs beside another while keda-trust is upgraded, or taken back.
func TestANudgeIsReadWhicheverVersionMadeIt(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	stored := metav1.NewTime(noon.Add(time.Second))
	for name, c := range map[string]struct {
		value   string
		at      time.Time
		strikes int
	}{
		"without strikes":          {"2026-11-01T12:00:00Z", noon, 0},
		"with some":                {"2026-11-01T12:00:00Z strikes=3", noon, 3},
		"with more than was known": {"2026-11-01T12:00:00Z by=another strikes=3 for=it", noon, 3},
		"with none that count":     {"2026-11-01T12:00:00Z strikes=-3", noon, 0},
		"with too many":            {"2026-11-01T12:00:00Z strikes=99999999999", noon, 0},
		"of a form to come":        {"noon strikes=3", stored.Time, 0},
		"by hand":                  {"Sun Nov  1 12:00:00 UTC 2026", stored.Time, 0},
		"not at all":               {"", stored.Time, 0},
	} {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
			Annotations:   map[string]string{injector.AnnotationNudge: c.value},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: injector.Name, Time: &stored}},
		}}
		if at := nudgedAt(d, noon); !at.Equal(c.at) {
			t.Errorf("%s: nudged at %s, want %s", name, at, c.at)
		}
		m := &memory{}
		m.learn(c.value, noon)
		if m.strikes != c.strikes {
			t.Errorf("%s: %d strikes, want %d", name, m.strikes, c.strikes)
		}
	}
}

// What a version reads that takes the annotation for a time and nothing else, and
// goes by the managed fields where it is none.
func TestANudgeWithoutStrikesIsATime(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for strikes, want := range []string{"2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z strikes=1"} {
		if got := (mark{noon, strikes}).String(); got != want {
			t.Errorf("%d strikes are noted as %q, want %q", strikes, got, want)
		}
	}
}

func TestOnlyWhatAnotherLeaderNotedLaterIsLearnt(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		noted time.Duration
		want  int
	}{
		"before ours":          {-time.Minute, 1},
		"with ours":            {0, 1},
		"after ours":           {time.Second, 5},
		"by a clock ahead":     {maxSkew, 5},
		"by hand, in a future": {maxSkew + time.Second, 1},
	} {
		m := &memory{nudged: noon, strikes: 1}
		m.learn(mark{noon.Add(c.noted), 5}.String(), noon)
		if m.strikes != c.want {
			t.Errorf("%s: %d strikes, want %d", name, m.strikes, c.want)
		}
	}
}
