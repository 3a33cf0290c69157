package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/keda-trust/keda-trust/e2e/figures"
	"github.com/keda-trust/keda-trust/injector"
)

// What is wanted. A figure that misses is printed as it is.
const (
	wantedRatio       = 0.5
	wantedSlowest     = 1.0
	wantedWrites      = 1.0
	wantedIdleWrites  = 0
	wantedGenerations = 2
	wantedFailed      = 0
	wantedCrowdRatio  = 1.1
	wantedCrowdGrowth = int64(5 << 20)
)

// figures holds keda-trust against what is wanted, and against its peers.
func (r *results) figures() []figures.Figure {
	ours := r.find(injector.Name)
	all := append(r.timeFigures(ours), writeFigures(ours.tally(alone))...)
	all = append(all, r.memoryFigures(ours)...)
	end, most := ours.certificates(alone)
	measured := len(ours.completed(alone)) > 0
	all = append(all,
		unless(measured, figures.AtMost("certificates in a caBundle, ever", most, wantedGenerations, strconv.Itoa)),
		unless(measured, figures.AtMost(fmt.Sprintf("certificates in a caBundle after %d rotations", r.options.rotations), end, wantedGenerations, strconv.Itoa)),
	)
	calls := ours.calls()
	all = append(all, unless(calls.made > 0, figures.AtMost("calls that failed", calls.failed, wantedFailed, strconv.Itoa)))
	if r.options.secrets > 0 {
		all = append(all, r.crowdFigures(ours)...)
	}
	return all
}

// unless takes the value from a figure that was not measured.
func unless(measured bool, f figures.Figure) figures.Figure {
	if !measured {
		f.Measured, f.Missed = "", false
	}
	return f
}

func (r *results) peers() []*standing {
	var all []*standing
	for _, s := range r.standings {
		if s.name != injector.Name {
			all = append(all, s)
		}
	}
	return all
}

// ratio is ours to that of the faster peer; false where one of them was not
// measured.
func (r *results) ratio(ours *standing, part int, q float64) (float64, bool) {
	var fastest []time.Duration
	for _, peer := range r.peers() {
		if times := peer.times(alone, part); len(times) > 0 {
			fastest = append(fastest, figures.Quantile(times, q))
		}
	}
	times := ours.times(alone, part)
	if len(fastest) == 0 || len(times) == 0 {
		return 0, false
	}
	return float64(figures.Quantile(times, q)) / float64(slices.Min(fastest)), true
}

func (r *results) timeFigures(ours *standing) []figures.Figure {
	ratio, measured := r.ratio(ours, both, 0.5)
	slowest := 0.0
	for part := range objects + 1 {
		for _, q := range []float64{0.5, 0.95} {
			one, _ := r.ratio(ours, part, q)
			slowest = max(slowest, one)
		}
	}
	return []figures.Figure{
		unless(measured, figures.AtMost("both objects, p50, in times the faster peer", ratio, wantedRatio, figures.Times)),
		unless(measured, figures.AtMost("the worst of p50 and p95, of one and both, in times the faster peer", slowest, wantedSlowest, figures.Times)),
	}
}

func writeFigures(t tally) []figures.Figure {
	return []figures.Figure{
		unless(t.changes > 0, figures.AtMost("writes of an object for each change of its caBundle", share(t.requests.objectWrites(), t.changes), wantedWrites, figures.Times)),
		unless(t.touches > 0, figures.AtMost("writes of the objects where nothing changed", t.touched.objectWrites(), wantedIdleWrites, strconv.Itoa)),
	}
}

// share is 0 where nothing is shared among nobody.
func share(what, among int) float64 {
	if among == 0 {
		return 0
	}
	return float64(what) / float64(among)
}

func (r *results) memoryFigures(ours *standing) []figures.Figure {
	var resident, peak []int64
	for _, peer := range r.peers() {
		if memory, measured := peer.memory(alone); measured {
			resident, peak = append(resident, memory.Resident), append(peak, memory.Peak)
		}
	}
	memory, measured := ours.memory(alone)
	measured = measured && len(resident) > 0
	return []figures.Figure{
		unless(measured, lessThan("resident memory, MiB", memory.Resident, resident)),
		unless(measured, lessThan("resident memory at its peak, MiB", memory.Peak, peak)),
	}
}

// lessThan is a figure that has to be less than those of all others.
func lessThan(name string, measured int64, others []int64) figures.Figure {
	var least int64
	if len(others) > 0 {
		least = slices.Min(others)
	}
	return figures.Figure{Name: name, Measured: figures.Mebibytes(measured), Wanted: "< " + figures.Mebibytes(least), Missed: measured >= least}
}

func (r *results) crowdFigures(ours *standing) []figures.Figure {
	without, with := ours.times(alone, both), ours.times(crowded, both)
	measured := len(without) > 0 && len(with) > 0
	ratio := 0.0
	if measured {
		ratio = float64(figures.Median(with)) / float64(figures.Median(without))
	}
	among := fmt.Sprintf("among %d other Secrets: ", r.options.secrets)
	growth, grown := ours.growth()
	return []figures.Figure{
		unless(measured, figures.AtMost(among+"both objects, p50, in times without", ratio, wantedCrowdRatio, figures.Times)),
		unless(grown, figures.AtMost(among+"resident memory more, MiB", growth, wantedCrowdGrowth, figures.Mebibytes)),
	}
}
