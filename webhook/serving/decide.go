package serving

import "time"

// Action is what is to be done with the Secret.
type Action string

// The answers of Decide. Every replica carries out Repair; the others are the
// leader's.
const (
	Keep    Action = "Keep"    // nothing until Decision.After
	Repair  Action = "Repair"  // put back what is remembered, or make it anew
	Stage   Action = "Stage"   // make the next CA
	Publish Action = "Publish" // see the next CA into the caBundle and date that
	Promote Action = "Promote" // next becomes current, current becomes previous
	Drop    Action = "Drop"    // forget the previous CAs
)

// Reason says why. It is a label of the rotations metric.
type Reason string

// The reasons of Decide.
const (
	Current      Reason = "Current"      // nothing is due
	Missing      Reason = "Missing"      // there is no Secret
	Corrupt      Reason = "Corrupt"      // the Secret has a Fault
	Expired      Reason = "Expired"      // the current CA has ended
	Forced       Reason = "Forced"       // a user asked for a rotation
	TwoThirds    Reason = "TwoThirds"    // two thirds of the current CA's life are over
	Unpublished  Reason = "Unpublished"  // a caBundle lacks the next CA, or did until now
	Dwelling     Reason = "Dwelling"     // API servers get time to read the caBundle
	Crowded      Reason = "Crowded"      // a rotation is due, but too many CAs are still trusted
	LeavesServed Reason = "LeavesServed" // leaves of a previous CA may still be served
	LeavesEnded  Reason = "LeavesEnded"  // no leaf of a previous CA can be served any more
)

// maxPrevious bounds the caBundle against rotations that are forced in a loop.
const maxPrevious = 8

// Decision is an answer of Decide.
type Decision struct {
	Action Action
	Reason Reason
	// After is how long the answer holds if only time passes; meaningful for Keep.
	After time.Duration
}

// Decide says what the rotation needs at now. It is pure. The first row that fits
// is the answer; a dash is "whatever":
//
//	current   fault  next  in caBundle, dated  dwell  due        previous    answer
//	-         yes    -     -                   -      -          -           Repair  Corrupt
//	none      -      -     -                   -      -          -           Repair  Missing
//	ended     -      -     -                   -      -          -           Repair  Expired
//	usable    no     yes   no                  -      -          -           Publish Unpublished
//	usable    no     yes   yes                 over   -          -           Promote Forced or TwoThirds
//	usable    no     yes   yes                 runs   -          -           Keep    Dwelling
//	usable    no     none  -                   -      forced     under eight Stage   Forced
//	usable    no     none  -                   -      by time    under eight Stage   TwoThirds
//	usable    no     none  -                   -      -          due         Drop    LeavesEnded
//	usable    no     none  -                   -      yes        not due     Keep    Crowded
//	usable    no     none  -                   -      no         not due     Keep    LeavesServed
//	usable    no     none  -                   -      no         none        Keep    Current
//
// The dwell is ForcedDwell where Why is Forced, and Dwell otherwise. Previous CAs
// are due a leaf's lifetime and a Dwell after the last promotion.
func (p Policy) Decide(c Certificates, now time.Time) Decision {
	if repair, reason := needsRepair(c, now); repair {
		return Decision{Action: Repair, Reason: reason}
	}
	if c.Next != nil {
		return p.decideNext(c, now)
	}
	due := c.Promoted.Add(p.LeafLifetime + p.Dwell).Sub(now)
	rotation := reasonToRotate(c, now)
	switch {
	case rotation != "" && len(c.Previous) < maxPrevious:
		return Decision{Action: Stage, Reason: rotation}
	case len(c.Previous) > 0 && due <= 0:
		return Decision{Action: Drop, Reason: LeavesEnded}
	case rotation != "":
		return Decision{Action: Keep, Reason: Crowded, After: due}
	}
	untilTwoThirds := twoThirds(c.Current).Sub(now)
	if len(c.Previous) > 0 {
		return Decision{Action: Keep, Reason: LeavesServed, After: min(due, untilTwoThirds)}
	}
	return Decision{Action: Keep, Reason: Current, After: untilTwoThirds}
}

func needsRepair(c Certificates, now time.Time) (bool, Reason) {
	switch {
	case c.Fault != nil:
		return true, Corrupt
	case c.Current == nil:
		return true, Missing
	case !now.Before(c.Current.Certificate.NotAfter):
		return true, Expired
	}
	return false, ""
}

func (p Policy) decideNext(c Certificates, now time.Time) Decision {
	if !c.NextInBundle || c.NextPublished.IsZero() {
		return Decision{Action: Publish, Reason: Unpublished}
	}
	dwell := p.Dwell
	if c.Why == Forced {
		dwell = p.ForcedDwell
	}
	if left := c.NextPublished.Add(dwell).Sub(now); left > 0 {
		return Decision{Action: Keep, Reason: Dwelling, After: left}
	}
	if c.Why == Forced {
		return Decision{Action: Promote, Reason: Forced}
	}
	return Decision{Action: Promote, Reason: TwoThirds}
}

func reasonToRotate(c Certificates, now time.Time) Reason {
	if c.Requested != "" && c.Requested != c.Rotated {
		return Forced
	}
	if !now.Before(twoThirds(c.Current)) {
		return TwoThirds
	}
	return ""
}

func twoThirds(ca *CA) time.Time {
	life := ca.Certificate.NotAfter.Sub(ca.Certificate.NotBefore)
	return ca.Certificate.NotBefore.Add(life / 3 * 2)
}
