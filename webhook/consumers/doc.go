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
//     network admits nobody must not hold up a renewal for ever. What is seen to
//     be wrong holds it up for twice that, since it fails for sure, and is told.
//     What can be read in the API server, a caBundle or a template, is waited for
//     without a bound: it does not mend itself, and going on would break it.
//   - Which CAs a process has read can be seen only in the subjects that it names
//     to clients, beside those of the system's. So they are counted by subject:
//     re-issued CAs often have the subject of the one before. KEDA 2.17.2 to 2.20
//     only ever adds, and is waited for until the bound where the counts differ.
//   - That the metrics-apiserver trusts a new CA as a client is not seen. It reads
//     the same file as its server does, which is.
package consumers
