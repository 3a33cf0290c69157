// Command cluster leaves real Kubernetes clusters of one node each running, and
// takes them away again.
//
// It promises that standard output holds a KUBECONFIG and nothing else; that
// calls can be repeated, in any order, and interrupted at any time; and that
// `down` leaves nothing behind but what is in caches and what apt-get has
// installed.
//
// Decisions that bind it (2026-11):
//   - kind where a container engine runs, for that is what people have; a node of
//     our own elsewhere. Where kind fails, as without a network, it is told, and
//     a node of our own is next.
//   - `up` ends with the process that has called it: a shell that is killed would
//     leave one that starts clusters after `down` has found none.
//   - The clusters of a machine are shared by all checkouts. There are several
//     where something is to go on in each at a time: KEDA is once in a cluster.
package main
