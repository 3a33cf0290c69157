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
//   - All reading is live, by name; package watch tells when to read again. Deployments
//     are listed as they are, though an API server takes up to 100 ms to know that: where
//     etcd was restored, a list that is as new as what was seen before is refused.
//   - The published Secret has the type kubernetes.io/tls, so that tools that
//     look for certificates about to expire find it.
//   - A change of certificate is published in stages, so that no handshake fails:
//     the next CA beside the one in use, then its leaf, then without the old CA,
//     each when all consumers have the one before. Which stage is next follows
//     from what is published and what is wanted; nothing is remembered, so a crash
//     anywhere is gone on from. A change that is given up is undone in the same way
//     before the next begins, so there are never more than two generations. A renewal
//     by the CA in use waits for none of that: a stage may wait without end, and the
//     certificate that is published must not end meanwhile.
//   - Where another owner of a caBundle puts the next CA in place of the one in use, the
//     API server refuses what pods serve already: then the next leaf is published at once,
//     with both CAs, and it is told that this is not staged.
//   - Where the published Secret is lost, the CAs of the state are trusted on until
//     everybody has the new one. The same holds where KEDA was the issuer before.
//   - Sources that have changed three times without a minute's rest flap: what is
//     published then stays for a minute before they are followed. Before that they
//     are followed at once, for whoever corrects a mistake must not wait, and how
//     often KEDA restarts is bounded elsewhere. A change under way is no other
//     source, and goes on.
//   - A refused source of custom CAs holds up nothing but the custom CAs, which stay as
//     they were published: a certificate that ends, or an emergency, does not wait for
//     it. So a CA that is to go stays as well, until the source is mended or taken out of
//     the annotation. Where nothing is published yet it holds up all, so that a first
//     install comes out right.
//   - When something was published is noted on it by us, in an annotation. The time
//     that the API server keeps of our last write moves with writes that change
//     nothing of it.
package trust
