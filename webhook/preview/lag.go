package preview

import (
	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
)

// Lag says how what is published lags behind what the sources give.
type Lag string

// The lags.
const (
	LagNone        Lag = ""            // it does not, or there is nothing to compare
	LagStaged      Lag = "staged"      // what is published is a stage on the way there
	LagUnpublished Lag = "unpublished" // keda-trust has not published it (yet)
	LagUnknown     Lag = "unknown"     // not all sources could be read
)

// lag compares where the Namespace is enabled and nothing is tried out: else what is
// published is not what the sources are to give. The first row that fits is the answer; a
// dash is "whatever":
//
//	enabled  options tried  sources                   published      lag
//	no       -              -                         -              none
//	-        yes            -                         -              none
//	yes      no             no state                  -              none, the findings say why
//	yes      no             not all could be read     -              unknown
//	yes      no             a state                   the same       none
//	yes      no             a state                   a stage to it  staged
//	yes      no             a state                   another, none  unpublished
func (p Preview) lag(published installation.Publication, tried bool) Lag {
	wanted := p.Resolution.State
	switch {
	case !p.Enabled, tried, wanted == nil:
		return LagNone
	case len(injector.Forbidden(p.Resolution.Findings)) > 0:
		return LagUnknown
	case published.State != nil && published.State.ID == wanted.ID:
		return LagNone
	case published.LeadsTo(wanted.ID):
		return LagStaged
	}
	return LagUnpublished
}
