// Command demo shows what keda-trust does to KEDA's own release manifests,
// admitted by a real kube-apiserver.
//
// It promises that what it shows is what the API server has stored, that it
// ends with 1 if an object was not injected as it should be, and that it leaves
// no process and no file behind. It must never import a package of KEDA, whose
// manifests are data here, nor compute an injection itself.
//
// Decisions that bind it (2026-11):
//   - keda-trust comes from its own manifests, and runs with the rights of its
//     ServiceAccount and no others: a missing rule in a Role fails here first.
//   - There are no nodes, so its Deployment has no pods. The binary runs beside
//     the API server, which calls it by URL. Nothing else differs.
//   - "Before" is a dry run of the same manifest before keda-trust is installed:
//     a difference then shows admission and not the API server's defaults.
package main
