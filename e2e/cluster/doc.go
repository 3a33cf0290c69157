// Command cluster leaves a real Kubernetes cluster of one node running, and
// takes it away again.
//
// It promises that standard output holds the path of a KUBECONFIG and nothing
// else; that calls can be repeated, in any order, and interrupted at any time;
// and that `down` leaves nothing behind but what is in caches and what apt-get
// has installed.
//
// Decisions that bind it (2026-11):
//   - kind where a container engine runs, for that is what people have; a node of
//     our own elsewhere. Where kind fails, as without a network, it is told, and
//     a node of our own is next.
//   - There is one cluster on a machine, shared by all checkouts.
package main
