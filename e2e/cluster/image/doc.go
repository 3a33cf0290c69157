// Package image makes container images of static binaries, without a container
// engine and without a base image, and has the registry that a node pulls them
// from.
//
// It promises that the same binary gives the same digest, and that an image is
// found under any registry's name: the one of the manifest that wants it.
//
// Decisions that bind it (2026-11):
//   - A registry and not only an import into the runtime: KEDA's own manifests
//     say imagePullPolicy: Always, and are not to be changed before they are
//     applied.
//   - A layer has besides the binary what distroless images have: names for the
//     users, and /tmp. No CA certificates: what a program trusts is what the test
//     gave it.
package image
