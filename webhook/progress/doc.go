// Package progress tells how far a Deployment is with its template. It is the one
// answer for who restarts KEDA in order and for who waits until a certificate has
// arrived: what the one has given up on the other must not wait for without saying.
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
