// Package installers holds journeys of whoever installs KEDA, with the real
// Helm 3, Helm 4 and kubectl, a real API server and the real keda-trust.
//
// It promises that none of them ever needs force because of keda-trust, whether
// it is up, down or uninstalled, and that nothing of what they said is lost. It
// must never compute an injection itself.
//
// Decisions that bind it (2026-11):
//   - Helm's chart and kubectl's manifest come from one template over KEDA's own
//     manifests, so all installers say the same.
//   - Rollouts are set to manual: what is seen then is what one write by an
//     installer or a user does, not a repair that follows it.
//   - The tools are built from this module, whose versions are pinned; nothing
//     of the machine is used but Go.
package installers
