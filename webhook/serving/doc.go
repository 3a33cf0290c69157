// Package serving keeps the webhook's own serving certificate.
//
// It promises that an API server which trusts the caBundle stored in the
// MutatingWebhookConfiguration can always complete a handshake with a ready
// replica: while the CA rotates, while replicas come and go, and while somebody
// deletes or damages what is stored. It never decides about KEDA's
// certificates, and it never imports the webhook's other packages.
//
// # What is stored
//
// One Secret, shared by the replicas, holds the CAs: current.crt and
// current.key, which sign; next.crt and next.key, which will sign once every
// API server had the time to learn of them; previous.crt, one or more
// certificates that signed leaves which may still be served. Annotations say
// when a phase began. The leaf is in memory only, one a replica.
//
// # Who writes what
//
// Every replica creates or repairs the Secret and adds CAs to the caBundle: those
// of the Secret and the one that it serves with. Only the leader rotates, and
// only the leader removes from the caBundle. Every write carries the
// resourceVersion that it was decided on, or is a create; whoever loses the race
// reads the winner's result.
//
// # Decisions
//
//   - 2026-11: cert-manager's DynamicSource mints the leaf, over an Authority of
//     ours, because its DynamicAuthority swaps the CA at once: the calls of an
//     API server that still has the old caBundle then fail.
//   - 2026-11: Secret and MutatingWebhookConfiguration are read through a cache of
//     this package's own, one object each, by field selector on metadata.name.
//     So rights on resourceNames are enough, and what the manager caches of
//     those kinds for other packages neither widens nor narrows it.
//   - 2026-11: a replica remembers the last usable Secret and puts exactly that
//     back when the stored one is gone or damaged. New material would be correct
//     too, but needs a dwell; the same material needs nothing. So deleting the
//     Secret is no way to rotate; injector.AnnotationRotate is.
//   - 2026-11: a replica that serves already changes to another CA only after it
//     has seen that CA in the stored caBundle for ForcedDwell, unless the CA that it
//     serves with no longer verifies. In a rotation the leader has waited already
//     and this costs nothing; it matters when two replicas made different CAs.
//   - 2026-11: previous.crt may hold several certificates, for a rotation can be
//     forced again before a leaf's lifetime is over.
//   - 2026-11: the dwell of a rotation is counted from when the stored caBundle was
//     seen to hold the next CA, and starts anew when somebody took it out.
//   - 2026-11: no dwell is shorter than the webhook's timeoutSeconds, which the API
//     server limits to 30. It takes the caBundle when a call begins and may shake
//     hands as late as the timeout, with a leaf that was minted meanwhile.
//   - 2026-11: a CA that is not yet valid is not replaced. Only a replica whose clock
//     is wrong can see one, and it would destroy what is right for the others.
//
// # What cannot be healed in time
//
// An API server that is told of an empty caBundle verifies with its system's
// roots at once, on a new connection, for it keeps connections by the content of
// the caBundle. Calls that it makes until it is told of the repair fail,
// whatever the webhook does. The repair is one watch event and one patch away.
package serving
