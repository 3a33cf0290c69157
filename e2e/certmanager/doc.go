// Package certmanager has what journeys need of cert-manager: its own controllers
// and cainjector, its CustomResourceDefinitions, and the objects that KEDA's chart
// makes for it.
//
// It promises that who issues is cert-manager's own code, in the version of go.mod,
// and that a renewal is asked for as its command line does. It must never write a
// Secret of cert-manager's, nor import a package of keda-trust's that decides
// anything.
//
// Decisions that bind it (2026-11):
//   - There is no image to pull, so its two programs are built here, from public
//     packages, as its own mains are in a module that is not served. They have all
//     rights: what cert-manager may do is not what is shown.
//   - What KEDA's chart makes is copied from its templates, rendered, for KEDA's
//     release has none of it. Only the Services' names are the release's.
package certmanager
