// Command keda-trust wires flags to what the packages below it do, one file for
// each subcommand. It promises that all faults of a command line are told at
// once, that a report goes to stderr and only a result to stdout, and that the
// exit code is 0 (done), 1 (an object was refused, an edge of trust is broken, or
// the run failed) or 2 (wrong usage, or an input or a cluster that cannot be read). It decides nothing about KEDA.
//
// # Decisions
//
//   - 2026-11: inject and uninject write nothing at all where they exit with 2,
//     so that a pipe into kubectl never applies half of an input.
//   - 2026-11: diff exits as the others do, with 1 where something is refused, and
//     not as diff(1) with 1 where there is a difference: that is what it is called
//     for, and "diff && kubectl label" has to stop only where enabling would fail.
//   - 2026-11: documents are split here and not by a YAML library, for those that
//     are not KEDA's must come out byte for byte, comments and separators
//     included. What the parser of one document would drop in silence, as what
//     follows "...", is refused.
package main
