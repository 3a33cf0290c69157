package main

import (
	"time"

	"github.com/keda-trust/keda-trust/e2e/figures"
)

// standing is what was measured of one contender, in all its turns.
type standing struct {
	name, version string
	turns         []measured
}

// side is one of the two clusters of a turn: without and with other Secrets.
type side func(*measured) *phase

func alone(m *measured) *phase   { return &m.plain }
func crowded(m *measured) *phase { return &m.crowded }

// part of a sample, by its position in objectKinds, or of all objects.
const both = objects

func (s sample) of(part int) time.Duration {
	if part == both {
		return s.all
	}
	return s.object[part]
}

// times are those of all turns together.
func (s *standing) times(of side, part int) []time.Duration {
	var all []time.Duration
	for i := range s.turns {
		all = append(all, timesOf(of(&s.turns[i]).samples, part)...)
	}
	return all
}

func timesOf(samples []sample, part int) []time.Duration {
	var all []time.Duration
	for _, taken := range samples {
		all = append(all, taken.of(part))
	}
	return all
}

// medians is the median of each turn that has any samples.
func (s *standing) medians(of side, part int) []time.Duration {
	var all []time.Duration
	for i := range s.turns {
		if samples := of(&s.turns[i]).samples; len(samples) > 0 {
			all = append(all, figures.Median(timesOf(samples, part)))
		}
	}
	return all
}

// completed are the phases that came to their end.
func (s *standing) completed(of side) []*phase {
	var all []*phase
	for i := range s.turns {
		if p := of(&s.turns[i]); p.complete {
			all = append(all, p)
		}
	}
	return all
}

// tally is the traffic of completed phases, over how many rotations and touches,
// and the changes of caBundles in them.
type tally struct {
	rotations, touches, changes int
	requests, touched           traffic
}

func (s *standing) tally(of side) tally {
	var sum tally
	for _, p := range s.completed(of) {
		sum.rotations += len(p.samples)
		sum.touches += touches
		sum.changes += p.changes
		sum.requests = sum.requests.plus(p.requests)
		sum.touched = sum.touched.plus(p.touched)
	}
	return sum
}

// certificates is what the largest caBundle held when its phase had ended, and
// ever.
func (s *standing) certificates(of side) (end, most int) {
	for _, p := range s.completed(of) {
		end, most = max(end, p.certificates), max(most, p.most)
	}
	return end, most
}

// memory is the median of all turns, also of phases that did not come to their
// end; false where nothing was measured.
func (s *standing) memory(of side) (figures.Memory, bool) {
	var resident, peak []int64
	for i := range s.turns {
		if p := of(&s.turns[i]); p.memory != (figures.Memory{}) {
			resident, peak = append(resident, p.memory.Resident), append(peak, p.memory.Peak)
		}
	}
	return figures.Memory{Resident: figures.Median(resident), Peak: figures.Median(peak)}, len(resident) > 0
}

// growth is by how much more is resident among other Secrets, the median of all
// turns: each is compared with itself.
func (s *standing) growth() (int64, bool) {
	var all []int64
	for i := range s.turns {
		before, after := s.turns[i].plain.memory, s.turns[i].crowded.memory
		if before != (figures.Memory{}) && after != (figures.Memory{}) {
			all = append(all, after.Resident-before.Resident)
		}
	}
	return figures.Median(all), len(all) > 0
}

// calls are those of all turns.
func (s *standing) calls() calls {
	var sum calls
	for i := range s.turns {
		sum = sum.plus(s.turns[i].calls)
	}
	return sum
}
