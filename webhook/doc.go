// Package webhook talks to a cluster: it answers admission and wires what keeps
// its work true.
//
// It promises that admission never denies and never blocks for longer than the
// API server asked for. Whatever goes wrong, a panic included, the object is
// allowed as it came and the writer is told by a warning. Admission writes
// nothing, so that a dry run is like any other run, and it logs neither objects
// nor patches, for a patch holds what a user may have put beside a secret.
//
// A leader that is told to stop is followed within two seconds, and goes on
// answering. One that is gone without a word is followed when its lease has run
// out; election.go says why not sooner.
//
// What is injected is injector's decision alone; this package only finds the
// namespace, its mode and the published state. It must never import cmd.
//
// # Decisions
//
//   - 2026-11: the listener is our own and not controller-runtime's. Theirs has
//     no read timeout, answers garbage with a denial, and stops as soon as the
//     process is told to, while endpoint lists still name it.
//   - 2026-11: a body may have 7 MiB: two objects of the 3 MB that an API server
//     accepts and what is around them. Less would be a denial where somebody
//     chose failurePolicy Fail.
//     What is large waits for what is large, and an object of more parts than
//     KEDA could have is not decoded: anybody may reach the port, and a body of
//     that size can hold two million containers.
//   - 2026-11: the server, with the pages for probes and metrics, is none of the
//     manager's runnables. The manager ends first, whether the process was told
//     to stop, or it lost its lease or failed: it gives the lease back when its
//     controllers have ended, and only then can another process lead, while the
//     server goes on for the shutdown delay. A second manager for what every
//     replica does would keep caches and the serving certificate followed for
//     those seconds; but it is a second set of clients, and of ways to end, where
//     the leaf in memory is good for hours and a live read costs a millisecond.
//   - 2026-11: a cache of an ended manager answers as if nothing had happened, with
//     what it last held, while another leader publishes. So admission reads live
//     as soon as the informer has stopped.
//   - 2026-11: the state of each granted namespace has a cache of its own, of one
//     object. A namespace whose Role is missing then costs that namespace a live
//     read and holds up no other.
//   - 2026-11: liveness is an answer of the listener to a handshake, whatever the
//     answer. A certificate that is not there yet is a matter of readiness;
//     a restart would not bring it sooner.
package webhook
