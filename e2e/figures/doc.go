// Package figures has what the benchmarks of e2e share: statistics of samples,
// what the machine is and how much memory a process takes, and a measurement
// beside what is wanted of it.
//
// It promises that a quantile is one of the samples and never a value between
// two, and that a figure which misses what is wanted, or could not be measured,
// says so. It must never import what it measures.
package figures
