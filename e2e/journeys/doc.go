// Package journeys shows on real nodes, with real pods, what a user of keda-trust
// does and gets.
//
// It promises that a journey begins on a cluster without KEDA and keda-trust,
// whatever the one before has left, and that where one fails it prints what a
// person would look at. It must never compute an injection itself.
//
// Decisions that bind it (2026-11):
//   - One journey at a time on a cluster, for KEDA's APIs are of all of it. Each of
//     the processes of ginkgo has a cluster of its own.
//   - What is left after the last journey stays, for a look at it.
package journeys
