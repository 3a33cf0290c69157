// Package argocd holds the journey of who syncs KEDA by Argo CD, with its own
// libraries: argo-cd's for what differs, gitops-engine's for what is written.
//
// It promises that the settings of the README give no difference, while KEDA is
// injected, and that without them nothing restarts either. It must never compute
// a difference itself.
//
// Decisions that bind it (2026-11):
//   - Argo CD 3.2, the last whose engine is a module that Go 1.26 builds. It has
//     Kubernetes 1.34's libraries, and not those of the other journeys, hence a
//     module of its own. Until 3.6, server-side diff has changed in nothing that
//     is seen here, and the three-way diff not at all; the diff that goes with
//     server-side apply alone is server-side there.
//   - What Argo CD's controller does with the libraries is no library. It is
//     rebuilt here call by call, in the order of CompareAppState, autoSync and
//     SyncAppState, with the settings that a new Argo CD has.
package argocd
