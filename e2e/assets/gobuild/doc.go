// Package gobuild compiles programs from the Go modules that publish their
// source, and keeps them in a cache by content.
//
// It promises that a result is named after everything that decides what it is,
// so that none is ever stale; that a result is there whole or not at all; and
// that two calls at the same time, also from different checkouts, build once.
// It must never import anything of Kubernetes: every test run compiles it first.
//
// Decisions that bind it (2026-11):
//   - Programs are built from modules, not from a checkout: the checksum
//     database then vouches for the source, and a module proxy is all it takes.
//   - Each program has a module of its own, derived from the one that publishes
//     it: dependency versions of different projects disagree.
//   - No -trimpath: the compiled packages are shared with whoever builds the
//     same modules on this machine.
package gobuild
