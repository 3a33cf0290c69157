// Package local has what the programs and journeys of e2e start on one machine:
// a control plane without nodes, keda-trust beside it, and KEDA's own manifests.
//
// It promises that keda-trust comes from its own manifests and runs with the
// rights of its ServiceAccount, and that what was started can be stopped. It
// must never import a package of KEDA, whose manifests are data here, nor
// compute an injection itself.
//
// Decisions that bind it (2026-11):
//   - There are no nodes, so keda-trust's Deployment has no pods. The binary runs
//     beside the API server, which calls it by URL. Nothing else differs.
//   - KEDA's manifests are rendered from its module, which the checksum database
//     vouches for, and not fetched from a release page.
package local
