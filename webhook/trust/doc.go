// Package trust turns what the annotations of a Namespace name into what KEDA's
// pods mount: it reads the sources, has them proven by package injector, and
// publishes the Secret, the immutable ConfigMap of custom CAs and, last, the
// state that admission and the other controllers carry out.
//
// It promises that whatever is wrong, with an annotation, a source or a right,
// is told in Events on the Namespace and on KEDA's operator, and changes
// nothing that was published before; and that it writes only a difference.
//
// It never writes KEDA's own objects, never imports cmd or another controller, and
// never caches a Secret's content.
//
// Decisions (2026-11):
//   - All reading is live, by name; package watch tells when to read again.
//   - The published Secret has the type kubernetes.io/tls, so that tools that
//     look for certificates about to expire find it.
//   - Publishing replaces at once. Staging a change of certificate belongs
//     between the resolution and the publisher, and is neither's concern.
package trust
