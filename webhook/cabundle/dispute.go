package cabundle

import (
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// dispute is what is remembered of the caBundles of one namespace, so that they
// are not fought over.
type dispute struct {
	// carried is the wish that the object was last seen or made to carry; empty
	// where it was not yet looked at.
	carried string
	// lost: it was replaced since, which is counted once.
	lost bool
	// waits is since when KEDA's pods are waited for, zero where they are not.
	waits    time.Time
	replaced []replacement
	repairs  *rate.Limiter
}

// replacement is one loss of what we had written.
type replacement struct {
	at time.Time
	by []authorship
}

func newDispute() *dispute {
	return &dispute{repairs: rate.NewLimiter(rate.Every(repairInterval), repairStock)}
}

// carries: the object is now as it is wanted. What was fought over is forgotten
// where something else was wanted before.
func (d *dispute) carries(want string) {
	if d.carried != "" && want != d.carried {
		d.replaced = nil
	}
	d.carried, d.lost = want, false
}

// lose counts what somebody replaced since we wrote.
func (d *dispute) lose(now time.Time, by []authorship) {
	if !d.lost {
		d.replaced = append(d.replaced, replacement{now, by})
	}
	d.lost = true
}

// authors are those of what stood in the place of contested caBundles, each once and
// in a stable order; none where they are not contested.
func (d *dispute) authors(now time.Time) []author {
	d.replaced = slices.DeleteFunc(d.replaced, func(r replacement) bool { return now.Sub(r.at) >= contestedWindow })
	if len(d.replaced) < contestedTimes {
		return nil
	}
	var out []author
	for _, r := range d.replaced {
		for _, a := range r.by {
			out = append(out, a.author)
		}
	}
	slices.SortFunc(out, author.compare)
	return slices.Compact(out)
}

// calm is how long it takes until they are no longer contested, if nobody
// replaces anything; zero where they are not.
func (d *dispute) calm(now time.Time) time.Duration {
	if len(d.authors(now)) == 0 {
		return 0
	}
	return d.replaced[len(d.replaced)-contestedTimes].at.Add(contestedWindow).Sub(now)
}

// repair takes a token; where there is none, wait is how long until there is.
// What came of nothing is given back.
func (d *dispute) repair(now time.Time) (giveBack func(), wait time.Duration) {
	token := d.repairs.ReserveN(now, 1)
	giveBack = func() { token.CancelAt(now) }
	if wait = token.DelayFrom(now); wait > 0 {
		giveBack()
	}
	return giveBack, wait
}
