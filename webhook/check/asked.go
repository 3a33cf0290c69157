package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keda-trust/keda-trust/injector"
)

// Asked is what the Namespace asks keda-trust for, and what came of that. It is no
// edge, and no verdict depends on it: whatever is refused, what is published stays.
type Asked struct {
	// Label is the value of the Namespace's label: "enabled", "audit" or "disabled"; empty
	// where there is none of these, or it may not be read.
	Label  string `json:"label"`
	Status Status `json:"status"`
	// Published is the ID of the state that is in force, and Wanted that of the one that
	// the sources give now; empty without any, or where it is not known.
	Published string `json:"published,omitempty"`
	Wanted    string `json:"wanted,omitempty"`
	// Facts are sentences about what that means.
	Facts []string `json:"facts,omitempty"`
	// Problems are what is refused, as warnings, and what is not known.
	Problems []Problem `json:"problems,omitempty"`
}

// Status is what came of what was asked for.
type Status string

// The statuses.
const (
	AskedUnmanaged Status = "unmanaged"     // there is no label, or none that is known
	AskedDisabled  Status = "disabled"      // what was injected is taken out
	AskedAudited   Status = "audited"       // what would be published is told, and nothing is
	AskedPublished Status = "published"     // what the sources give is in force
	AskedStaged    Status = "staged"        // what is in force is a stage on the way there
	AskedWaiting   Status = "not-published" // it is not published (yet)
	AskedRefused   Status = "refused"       // a source or annotation is at fault, and what it is for is not published
	AskedUnknown   Status = "unknown"       // not all of it could be read
)

// modeUnknown is that of a Namespace that could not be read.
const modeUnknown injector.Mode = "unknown"

// inForce is the state that keda-trust carries out. Where the label could not be read,
// what is published is believed.
func (o Orders) inForce() *injector.State {
	if o.Mode == injector.ModeEnabled || o.Mode == modeUnknown {
		return o.Published.State
	}
	return nil
}

// status is a choice of the first row that fits; a dash is "whatever". A fault is one
// for everybody, but what the account that looks may not read, keda-trust may:
//
//	label           sources                         published      status
//	could not be read                                              unknown
//	none            -                               -              unmanaged
//	disabled        -                               -              disabled
//	enabled, audit  a fault of any other reason     -              refused
//	enabled, audit  not all could be read           -              unknown
//	enabled, audit  nothing can be decided yet      -              not-published
//	audit           a state                         -              audited
//	enabled         a state                         unknown        unknown
//	enabled         a state                         the same       published
//	enabled         a state                         a stage to it  staged
//	enabled         a state                         another, none  not-published
func (o Orders) status() Status {
	wanted, published := o.Resolution.State, o.Published.State
	forbidden := injector.Forbidden(o.Resolution.Findings)
	faults := injector.Faults(o.Resolution.Findings)
	switch {
	case o.Mode == modeUnknown:
		return AskedUnknown
	case o.Mode == injector.ModeUnmanaged:
		return AskedUnmanaged
	case o.Mode == injector.ModeDisabled:
		return AskedDisabled
	case len(faults) > len(injector.Faults(forbidden)):
		return AskedRefused
	case o.Err != nil, len(forbidden) > 0:
		return AskedUnknown
	case wanted == nil:
		return AskedWaiting
	case o.Mode == injector.ModeAudit:
		return AskedAudited
	case published != nil && published.ID == wanted.ID:
		return AskedPublished
	case o.Published.LeadsTo(wanted.ID):
		return AskedStaged
	}
	return AskedWaiting
}

func (o Observed) asked() Asked {
	a := Asked{Status: o.Orders.status(), Problems: o.Orders.problems(o.Installation.Namespace)}
	if o.Orders.Mode != modeUnknown {
		a.Label = string(o.Orders.Mode)
	}
	if state := o.State; state != nil {
		a.Published = state.ID
	}
	if wanted := o.Orders.Resolution.State; wanted != nil && a.Status != AskedUnknown {
		a.Wanted = wanted.ID
	}
	a.Facts = o.consequences(a)
	return a
}

// problems are what keeps something from being published, or from being known.
func (o Orders) problems(namespace string) []Problem {
	var out []Problem
	for _, f := range slices.Concat(o.Wrong, o.Resolution.Findings) {
		forbidden := f.Reason == injector.ReasonSourceForbidden
		if f.Warning && !forbidden {
			continue
		}
		p := warning(f.Reason, strings.TrimSpace(f.Object+" "+f.Field), f.Message, "")
		if forbidden {
			p.Verdict = Unknown
		}
		out = append(out, p)
	}
	if status := o.status(); o.Err != nil && (status == AskedUnknown || status == AskedRefused) {
		out = append(out, unknown(injector.ReasonNotReached, "Namespace "+namespace, fmt.Sprintf("not all that it asks for could be read: %v", o.Err), "ask for the right to read it"))
	}
	return out
}

// consequences say what becomes of what runs.
func (o Observed) consequences(a Asked) []string {
	switch a.Status {
	case AskedUnmanaged:
		return o.unmanaged()
	case AskedRefused:
		return o.refused(a)
	case AskedStaged:
		return []string{a.staged()}
	case AskedWaiting:
		return []string{o.waiting(a), o.stays(a)}
	}
	return nil
}

// refused tells what waits. Where there is a state all the same, that is the custom CAs
// alone, and the others stand in it.
func (o Observed) refused(a Asked) []string {
	const onlyCustomCAs = "nothing but the custom CAs waits until that is mended"
	switch {
	case o.Orders.Err != nil:
		return []string{"what is published stays for as long as that is refused, or the custom CAs alone do; which of them is not known to your account"}
	case a.Wanted == "" || o.Orders.Mode == injector.ModeAudit:
		return []string{"nothing new is published until that is mended; " + o.stays(a)}
	case a.Published == a.Wanted:
		return []string{onlyCustomCAs + "; what is published stays: state " + a.Published}
	case o.Orders.Published.LeadsTo(a.Wanted):
		return []string{onlyCustomCAs, a.staged()}
	}
	return []string{onlyCustomCAs, o.waiting(a)}
}

func (a Asked) staged() string {
	return "a change of certificate is under way: state " + a.Published + " is published, and leads to " + a.Wanted + ", which the sources give"
}

func (o Observed) stays(a Asked) string {
	switch {
	case o.Orders.Mode == injector.ModeAudit:
		return "in audit nothing is published, and what runs stays as it is"
	case a.Published != "":
		return "what is published stays: state " + a.Published
	case o.Orders.Published.Left != nil:
		return "nothing has been published since the label was taken away, and what runs stays as it is"
	}
	return "nothing is published yet, and what runs stays as it is"
}

// waiting says why something is not published, as far as that is to be seen.
func (o Observed) waiting(a Asked) string {
	namespace := o.Installation.Namespace
	events := "; see the Events of the Namespace: kubectl events -n " + namespace + " --for namespace/" + namespace
	switch {
	case a.Wanted == "":
		return "nothing can be decided yet" + events
	case o.Own.Err == nil && o.Own.Configuration == nil:
		return "the sources give state " + a.Wanted + ", and keda-trust, which would publish it, is not installed"
	}
	return "the sources give state " + a.Wanted + ", which keda-trust has not published (yet)" + events
}

func (o Observed) unmanaged() []string {
	published := o.Orders.Published
	switch {
	case len(o.Orders.Wrong) > 0:
		return []string{"that is as good as no label: nothing is injected, and what was injected stays as it is"}
	case published.State != nil || published.Left != nil:
		return []string{"not any more: it lost its label " + injector.LabelInject + ", so what was injected stays as it is, and is not kept true"}
	}
	return nil
}
