// Package consumers tells who does not have the published certificate and CAs
// (yet): the caBundles that the API server verifies with, the Deployments that a
// certificate reaches by a restart only, and the pods, by a handshake with each
// ready endpoint.
//
// It promises to look and to change nothing, to remember nothing, so that whoever
// asks after a crash gets the same answer, and to be asked only where a change of
// certificate waits: it dials.
//
// It never imports package trust, which decides by what this one sees.
//
// Decisions (2026-11):
//   - What cannot be seen counts as there once the bound is over: a pod whose
//     network admits nobody must not hold up a renewal for ever. Who that was is said,
//     so that it can be told. What is seen to be wrong, at an endpoint or in an object
//     of the API server, is waited for without a bound, and told from the bound on: it
//     does not mend itself, and going on would break it. Who cannot wait orders it.
//   - An endpoint whose certificate has ended is broken already, and so waited for until
//     the bound only. Nothing else ends the wait for what is seen to be wrong; so package
//     trust lets no renewal by a CA in use wait for it.
//   - Which CAs a process has read can be seen only in the subjects that it names
//     to clients, beside those of the system's. So they are counted by subject:
//     re-issued CAs often have the subject of the one before. KEDA 2.17.2 to 2.20
//     only ever adds, and is waited for until the bound where it names too many.
//   - That the metrics-apiserver trusts a new CA as a client is not seen. It reads
//     the same file as its server does, which is.
//   - A Deployment does not have what it does not mount, whatever its pods show: KEDA's
//     own leaf, published with another CA beside its own, looks the same.
//   - Of several replicas KEDA's operator listens at its leader only. One that refuses
//     beside one that was seen to have everything is waited for as long as a kubelet
//     may be late: it reads what is mounted when it becomes the leader.
//   - A caBundle counts as read half a minute after it was written: each API server
//     reads it in its own time.
//   - How far a rollout is has one answer, in package progress. Past its deadline one
//     holds up nobody who can be looked at, but for pods of before that read their
//     certificate only once: what they have is not seen.
package consumers
