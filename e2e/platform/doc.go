// Package platform has what journeys on a real cluster need: the cluster that
// KUBECONFIG names, KEDA from its own release, keda-trust from its own chart,
// images of programs, and what a person would look at where something fails.
//
// It promises that any cluster will do, that what can be applied can be applied
// again, and that each wait ends when what it waits for is there and has a
// bound. It must never import a package of KEDA, whose manifests are data here,
// nor compute an injection itself.
//
// Decisions that bind it (2026-11):
//   - Without Consent, and Image or Loader, in the environment there is no platform:
//     KUBECONFIG is no sign that somebody wants KEDA replaced there. A KEDA that
//     nobody has claimed for journeys is refused.
//   - Helm and kubectl are the real ones, built from this module, whose versions
//     are pinned: people install with them, and look with them.
package platform
