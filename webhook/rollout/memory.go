package rollout

import (
	"time"

	"github.com/keda-trust/keda-trust/webhook/notice"
)

// memory is what one leader knows of one object beyond what stands on it. To
// begin without it costs no restart, at most an Event.
type memory struct {
	// want is what the object was last nudged for, and tries are the nudges for
	// it of which the last did not last.
	want  string
	tries int
	// answered: the last of them came back with what was wanted, so that what is
	// missing since was taken back.
	answered bool
	// toldAt is when somebody was last told that they do not last; zero for never.
	toldAt time.Time

	// nudged is the last nudge, and restarted the last of those that changed the
	// template.
	nudged, restarted time.Time
	// target is what the last restart was a stage on the way to.
	target string
	// rolling: a restart of ours has neither finished nor stalled.
	rolling bool
	// strikes are the restarts in a row that came soon after another, or were taken
	// back; nudges note them for the next leader. heldFor is the one after which it was
	// told that the next has to wait.
	strikes int
	heldFor time.Time
}

// begin forgets tries for something else, and those that lasted for longer than
// any pause between them.
func (m *memory) begin(want string, now time.Time) {
	rest := 2 * max(longestPause, m.interval())
	if m.want != want || now.Sub(m.nudged) > rest {
		m.want, m.tries, m.answered, m.toldAt = want, 0, false, time.Time{}
	}
}

// told: the object was given up for others, which no longer wait for it.
func (m *memory) told() bool { return !m.toldAt.IsZero() }

// tells says whether somebody is to be told now that nudges do not last, and notes
// that: after some of them, and again before it is forgotten.
func (m *memory) tells(now time.Time) bool {
	if m.tries < tellAfter || (m.told() && now.Sub(m.toldAt) < notice.Retell) {
		return false
	}
	m.toldAt = now
	return true
}

// tryAt is when to nudge again.
func (m *memory) tryAt() time.Time {
	if m.tries == 0 {
		return time.Time{}
	}
	return m.nudged.Add(doubled(firstPause, m.tries-1, longestPause))
}

// goesTo says whether what is on the way to target continues the last restart.
func (m *memory) goesTo(target string) bool { return target != "" && m.target == target }

// tried notes a nudge at a time, of an object that had been nudged before, for what
// is on the way to target.
func (m *memory) tried(before, at time.Time, target string, answered, restarted bool) {
	strikes := m.struck(before, at, target)
	m.restarted = m.lastRestart(before)
	m.nudged, m.answered = at, answered
	m.tries++
	if restarted {
		m.restarted, m.target, m.rolling, m.strikes = at, target, true, strikes
	}
}

// struck are the strikes of an object that is restarted so.
func (m *memory) struck(before, at time.Time, target string) int {
	takenBack := m.tries > 0 && m.answered
	switch soon := at.Before(m.lastRestart(before).Add(2 * m.interval())); {
	case takenBack, soon && !m.goesTo(target):
		return m.strikes + 1
	case !soon:
		return 0
	}
	return m.strikes
}

// learn takes over the strikes that a nudge of another leader has left, later than
// what we know. One that is from too far in the future was written by hand.
func (m *memory) learn(annotation string, now time.Time) {
	left, err := parseMark(annotation)
	if err == nil && left.at.After(m.nudged) && !left.at.After(now.Add(maxSkew)) {
		m.strikes = left.strikes
	}
}

// lastRestart is when the object was restarted by us. A nudge of another leader,
// later than what we know, counts as one, where it is not seen to have been none.
func (m *memory) lastRestart(nudged time.Time) time.Time {
	if nudged.After(m.nudged) {
		return nudged
	}
	return m.restarted
}

// restartAt is when the object may be restarted again.
func (m *memory) restartAt(nudged time.Time) time.Time {
	last := m.lastRestart(nudged)
	if last.IsZero() {
		return last
	}
	return last.Add(m.interval())
}

func (m *memory) interval() time.Duration {
	return doubled(shortestInterval, m.strikes, longestInterval)
}

// doubled is first, doubled so many times, and never more than longest.
func doubled(first time.Duration, times int, longest time.Duration) time.Duration {
	for range times {
		if first >= longest {
			break
		}
		first *= 2
	}
	return min(first, longest)
}

// memories are those of one namespace.
type memories struct {
	objects map[string]*memory
	// manualFor is the state that was told to wait for somebody else, manualAt when.
	manualFor string
	manualAt  time.Time
}

// of finds or begins the memory of an object.
func (m *memories) of(key string) *memory {
	if m.objects[key] == nil {
		m.objects[key] = &memory{}
	}
	return m.objects[key]
}

// keep forgets objects that are no longer there.
func (m *memories) keep(subjects []*subject) {
	kept := map[string]*memory{}
	for _, s := range subjects {
		kept[s.key()] = s.memory
	}
	m.objects = kept
}
