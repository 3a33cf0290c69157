// Package flux holds the journey of who syncs KEDA by Flux, with its own library
// for apply and drift.
//
// It promises that a Kustomization and a HelmRelease that detect drift find none
// in what is injected, without any setting. It must never compute a difference
// itself.
//
// Decisions that bind it (2026-11):
//   - What Flux's controllers do with the library is rebuilt here, with the
//     options that kustomize-controller 1.9 and helm-controller of the same month
//     give it.
//   - There is no Helm here, but what Helm 4 does in a HelmRelease: server-side
//     apply as helm-controller.
package flux
