// Package corpus puts many manifests of KEDA, as people really have them, through
// the real keda-trust: once through its command line, once through live
// admission, and holds what comes out against a real API server.
//
// It promises that what has to be injected is, that nothing else of an object
// changes, that the API server accepts each result without dropping a field, and
// that what is another's to manage is left alone with a reason. What has to
// become of an object is written down beside the manifests or here; it must
// never be asked of the code that injects.
//
// Decisions that bind it (2026-11):
//   - Everything is a dry run, so that dozens of installations of the one KEDA
//     that a cluster can have pass through one cluster, none in the way of the
//     next. The API server calls admission all the same.
//   - Namespaces are labelled only while live admission is looked at: what the
//     command line made must be accepted as it is, not as admission mends it.
//   - The folder of real manifests is no part of this repository. Where it is
//     absent that is said, and with CI set it is a failure; releases and variants
//     of them are rendered here and cover the same ground.
package corpus
