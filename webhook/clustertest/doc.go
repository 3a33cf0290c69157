// Package clustertest starts what tests that need a cluster share: an API
// server, the controllers that make ReplicaSets and Pods, the webhook configuration
// of keda-trust's own manifest, and a free port. No product code imports it.
//
// Decisions (2026-11):
//   - The webhook configuration is read from manifests/install.yaml, so that a
//     selector that is wrong there fails a test; a copy would hide it.
//   - The API server gets a minute to start where envtest gives it 20 s: a
//     machine that compiles meanwhile takes longer.
package clustertest
