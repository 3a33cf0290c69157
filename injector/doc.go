// Package injector decides what keda-trust makes of an object: it parses what
// annotations ask for, recognises KEDA's components, proves certificates, and
// computes the patch that carries a published State out, or takes it back.
//
// # What it promises
//
// It computes and touches nothing. [Inject] is the one seam through which
// admission and the command line pass: raw object, old object and state in, a
// JSON patch and a report out. It is idempotent, also with other mutators
// before and after it; it changes all that it has to or nothing; and it can be
// undone later: the record in AnnotationInjected holds each original, and what
// comes in and is not ours is the new original.
//
// # What it must never import
//
// A client, a clock, the environment, a logger: no client-go, no
// controller-runtime, nothing of this module but itself. Time is an argument.
//
// # Decisions
//
// 2026-11: A patch is the difference of two typed views, never of raw and typed
// JSON, which would remove the fields that our k8s.io/api does not know. Lists
// are compared by position, so elements are removed by operations of our own,
// one by one from the highest index, before the difference is taken, and are
// only ever appended or changed in place.
//
// 2026-11: The mount at our directory changes its volume's name; the user's
// volume stays. Server-side apply by the owner then works with the webhook up,
// down and gone, which a change of the volume's source does not allow.
//
// 2026-11: args has no identity by element, so a record of arguments can be
// outlived by an installer that restates the whole list. What gives that away
// is in liveArgs; where it cannot be told, what stands there is the user's.
//
// 2026-11: Without a record nothing is guessed but what reserved names show:
// arguments count as the user's then.
//
// 2026-11: Objects are decoded with apimachinery's case-sensitive decoder, as
// the API server does; encoding/json would take "Args" for "args".
package injector
