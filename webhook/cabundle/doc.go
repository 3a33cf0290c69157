// Package cabundle keeps the caBundle of each webhook of KEDA's
// ValidatingWebhookConfiguration as the published state says, and takes it out
// again. An API server never shows such an object to a webhook, so admission
// cannot.
//
// It promises one write for one change and none where nothing differs; that a
// write changes caBundles and keda-trust's own annotations only, of the object as
// it was read; that it creates nothing; and that with another writer of the same
// field it does not go to war: who that is is told where managedFields prove it, and
// how often the caBundle is put back is bounded.
//
// What is to be written is decided by injector.Inject, as for admission and the
// command line. It never imports cmd or another controller.
//
// Decisions (2026-11):
//   - Never server-side apply. What we would apply is a stub of each webhook, which
//     its owner could not drop any more: the stub would stay, without the fields
//     that a webhook has to have, and the owner's write would be refused (422).
//   - A strategic merge patch on the webhook's name, with the resourceVersion. The
//     seam's own JSON patch would leave alone what our k8s.io/api does not know as
//     well, for both are differences of two typed views. But it goes by position,
//     and only the resourceVersion would keep it off another webhook when somebody
//     reorders them; the name does so by itself, and is what an API server's audit
//     log then shows.
//   - Objects are read from the manager's cache, which strips managedFields, and
//     live only where another writer has to be named. A cache that lags costs a
//     conflict, which the queue retries, and never a wrong write.
//   - The name is KEDA's usual one: RBAC names no other. Package trust tells of an
//     operator that was told another.
//   - What is another's is told and left alone: KEDA's where KEDA issues the
//     certificate, cainjector's and the service CA's where an annotation asks for
//     them. What an annotation asks for later is theirs at once, our caBundle
//     included.
//   - A change of the state is written at once. To put back what somebody replaced
//     takes a token: three in stock, and one more each minute. Three let an upgrade
//     that is tried again be repaired at once. One a minute keeps up with an
//     installer that re-applies each minute, for which a webhook that is not
//     verified would be the larger harm: KEDA's objects then pass unvalidated, or
//     are refused. And it is nothing to an API server, also where the other writer
//     answers within a second, as KEDA's own rotation and Argo CD's self-healing do.
//   - It is contested when what we wrote was replaced three times within ten
//     minutes. Once is an installer, twice is one that was run again.
//   - managedFields prove who last wrote a caBundle where one manager alone has it, and
//     nothing else: whoever takes a field out has none of it, and need not be named at
//     all. So nobody is guessed at, for whoever is woken looks where the Event points.
//   - A write is counted for what it did, so what an object that has opted out is still
//     to lose is Uninjected, as it is of a Deployment; why is in the Event.
//   - Counting is in memory: a new leader has three tokens, and tells once more.
//   - KEDA's pods are waited for without a bound, for a caBundle that does not verify
//     what they serve breaks KEDA's webhooks, and from some minutes on that is told.
//     Where things are taken out admission drops the record of them at once, and pods
//     follow, or do not: so the webhooks' Deployment is waited for until no pod of an
//     older template is left.
//   - disabled needs no grant: to take out what was injected takes a right on the
//     object alone.
package cabundle
