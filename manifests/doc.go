// Package manifests is what installs keda-trust in a cluster, embedded: the Helm
// chart, which is the source of truth, and install.yaml, rendered from it by
// e2e/render and held against it for drift.
//
// It promises that whoever installs from it installs what a user would. It must
// never import anything but the standard library: the rest of the program uses
// manifests, and not the other way round. Its tests may.
//
// Decisions (2026-11):
//
//   - No caBundle is rendered, anywhere. keda-trust writes its own at run time,
//     and a field that no installer knows is wiped by no upgrade and conflicts
//     with no owner.
//   - Rights are Roles in the namespaces named at install, and a ClusterRole that
//     holds only named objects and what is public. What RBAC cannot hold to a
//     name is held by the ValidatingAdmissionPolicy keda-trust-writes, and what a
//     patch of a Deployment may change by keda-trust-nudges. The latter compares
//     every field but those that admission changes, for it does so before a policy
//     sees the object.
//   - Nothing is granted that a running keda-trust does not use: a test holds the
//     API server's audit log of a journey through everything against every rule of
//     install.yaml. A right of more comes with a step of that journey.
//   - The chart creates the release's Namespace only when asked to (install.yaml
//     asks): Helm has --create-namespace. KEDA's Namespaces it creates only when
//     asked to, and never deletes.
//   - install.yaml holds no object of KEDA's Namespace but a Role and a
//     RoleBinding, so that deleting it deletes nothing of KEDA's.
package manifests
