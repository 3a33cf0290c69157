// Package resilience holds whole rotations to another CA that are disturbed: by
// watches that break, an API server that is busy, contradicts or restarts, two
// leaders, and a process that is killed at every write.
//
// It promises that each ends where an undisturbed one does, with as few writes,
// and that meanwhile nobody is ever refused: whatever the API server has been told
// to trust is tried, all the time, against what KEDA's pods serve. It must never
// compute a stage or a caBundle itself.
//
// Decisions that bind it (2026-11):
//   - The product is the real process, with the rights of its ServiceAccount: one
//     that is killed runs no deferred call, and two that lead share no memory. So it
//     is here and not among the tests of package webhook.
//   - Faults come from a gateway between each process and the API server, and go by
//     the number of requests and not by time or chance.
//   - KEDA's manifests are its own. In the place of its pods stand TLS servers that
//     read the published Secret as a kubelet lets them, each in its own time.
//   - Leases are left out but where the API server restarts, and where the leader of
//     two ends: a process that is killed is waited for as long as its lease.
package resilience
