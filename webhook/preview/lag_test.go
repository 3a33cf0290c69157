package preview

import (
	"testing"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
)

func TestWhatIsPublishedLagsBehindTheSources(t *testing.T) {
	t.Parallel()
	ours, other := &injector.State{ID: "ours"}, &injector.State{ID: "other"}
	enabled := Preview{Enabled: true, Resolution: injector.Resolution{State: ours}}
	blind := enabled
	blind.Resolution.Findings = []injector.Finding{{Reason: injector.ReasonSourceForbidden, Warning: true}}
	for name, c := range map[string]struct {
		p         Preview
		published installation.Publication
		tried     bool
		want      Lag
	}{
		"not where it is the same":                    {enabled, installation.Publication{State: ours, Target: "ours"}, false, LagNone},
		"in stages, where that was noted":             {enabled, installation.Publication{State: other, Target: "ours"}, false, LagStaged},
		"where it was on the way to something else":   {enabled, installation.Publication{State: other, Target: "other"}, false, LagUnpublished},
		"where no way was noted":                      {enabled, installation.Publication{State: other}, false, LagUnpublished},
		"where nothing is published":                  {enabled, installation.Publication{}, false, LagUnpublished},
		"where it was left behind":                    {enabled, installation.Publication{Left: ours}, false, LagUnpublished},
		"not where options are tried out":             {enabled, installation.Publication{State: other}, true, LagNone},
		"not where the Namespace is not enabled":      {Preview{Resolution: enabled.Resolution}, installation.Publication{State: other}, false, LagNone},
		"not where the sources give nothing":          {Preview{Enabled: true}, installation.Publication{State: other}, false, LagNone},
		"as nobody knows who may not read them":       {blind, installation.Publication{State: other, Target: "other"}, false, LagUnknown},
		"as nobody knows, be it the same by the rest": {blind, installation.Publication{State: ours}, false, LagUnknown},
		"and is believed by nobody who may not read":  {blind, installation.Publication{State: other, Target: "ours"}, false, LagUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.p.lag(c.published, c.tried); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
