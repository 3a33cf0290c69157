// Package check says of each edge of trust in an installation of KEDA whether it
// holds: who serves what, who trusts what, for which name, until when, and what
// mends it where it does not.
//
// It promises to change nothing (the one write is a dry run), to repeat nothing
// that is private, and to tell what it saw from what it concludes: Judge is a pure
// function of what Look observed, with the clock in it.
//
// Decisions (2026-11):
//   - What counts is what the pods serve. Where no way leads to them, an edge is
//     judged by what they mount: that may show that it is broken, but not that it
//     holds, for pods may serve what they mounted before. A port on which nobody
//     listens is broken.
//   - Pod addresses are dialed directly only from inside of a pod: anywhere else
//     the same address may be another machine's.
//   - PEM is read as leniently here as KEDA and the API server read it, for it is
//     their verdict that is foretold, not keda-trust's own.
//   - What the Namespace asks for, and what of it is refused, is told ahead of the
//     edges and is none of them: a source that is refused breaks nothing that runs, and
//     whoever looks may have other rights than keda-trust, which may not refuse it.
//   - What is published counts for the edges where it is to be carried out: not in
//     audit, and not where the Namespace has lost its label.
//   - A certificate ends soon when a tenth of its lifetime is left: whatever renews
//     it should have by then. That is a warning, as all that still holds.
package check
