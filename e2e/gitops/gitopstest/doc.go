// Package gitopstest has what the journeys of GitOps tools share: KEDA's
// namespace with the real keda-trust beside a real API server, what Git says,
// and cycles of a tool that heals by itself. It must never be imported by
// anything but a test, nor compute an injection itself.
//
// Decisions that bind it (2026-11):
//   - Git says what KEDA's release says, with the Namespace as the platform team
//     labels and annotates it. CustomResourceDefinitions are left out: keda-trust
//     never sees one, and those of KEDA are too large for a client-side apply,
//     whoever does it.
//   - A cycle is judged by what is stored, and not by what a tool says of itself.
//   - It is built with two versions of Kubernetes' libraries, since Argo CD's
//     module has to have its own.
package gitopstest
