package rollout

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// mark is what a nudge leaves on the object for the next leader, as the value of its
// annotation: when it was made, in whole seconds, and how many strikes the object then
// had, if any:
//
//	2026-11-01T12:00:00Z
//	2026-11-01T12:00:00Z strikes=3
//
// A keda-trust that knows the first form only takes the second for none, and reads
// from the managed fields when the object was nudged.
type mark struct {
	at      time.Time
	strikes int
}

const strikesOf = "strikes="

func (m mark) String() string {
	at := m.at.Format(time.RFC3339)
	if m.strikes == 0 {
		return at
	}
	return fmt.Sprintf("%s %s%d", at, strikesOf, m.strikes)
}

// parseMark has an error for what no nudge leaves. What a later version notes beside
// the time is passed over.
func parseMark(value string) (mark, error) {
	stamp, noted, _ := strings.Cut(value, " ")
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return mark{}, fmt.Errorf("parsing when an object was nudged: %w", err)
	}
	m := mark{at: at}
	for _, field := range strings.Fields(noted) {
		number, found := strings.CutPrefix(field, strikesOf)
		if strikes, err := strconv.ParseUint(number, 10, 16); found && err == nil {
			m.strikes = int(strikes)
		}
	}
	return m, nil
}
