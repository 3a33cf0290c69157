// Package progress tells how far a Deployment is with its template. It is the one
// answer for the controllers, who restart KEDA in order, wait until a certificate has
// arrived, or until no pod of before is left: what the one has given up on the other
// must not wait for without saying. Package check only repeats what a status counts,
// and injector, which imports nothing of webhook, sees for itself whether a pod that
// rotates may be left.
//
// It promises to be pure: a Deployment and times in, an answer out. It never imports
// another package of this module.
//
// Decisions (2026-11):
//   - A Deployment with old replicas left is not done, though updated and available
//     replicas are as many as wanted: the available ones may be the old.
//   - Times in a status are whole seconds. One that became unavailable in the second
//     in which its restart began became so by it: a strategy of Recreate takes a fifth
//     of a second to get there.
package progress
