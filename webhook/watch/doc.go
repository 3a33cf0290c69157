// Package watch tells a controller when to look at a namespace again: one
// informer of metadata for each object that the namespace depends on, by name.
//
// It promises that memory does not grow with what else the cluster holds, that
// RBAC can go by resourceNames, that an informer ends when it is no longer
// needed, and that a right or a kind that is missing holds up nothing else:
// nothing waits for an informer to sync. What it tells is "look again", no more;
// content is read live, and a Secret's is never kept.
//
// It knows neither injector nor the controllers.
//
// Decisions (2026-11):
//   - Deployments are watched in the same way, one informer a namespace, and not
//     through the manager's cache: a manager ends where a cache does not sync,
//     and so one Role that is missing would end the leader for all namespaces.
package watch
