// Package rollout carries the published state to what is already in the cluster:
// KEDA's Deployments and its APIService. It injects what was there before its
// namespace was labelled, what was written while the webhook was down, and what
// another state asks for, and it takes out again what was injected where the
// namespace is disabled.
//
// It promises to write no field that an installer owns, but one annotation of
// keda-trust's own, the nudge, to which admission answers with the injection; to
// restart nothing without another state, a repair or an order to take out; to
// restart one component of KEDA at a time, in an order, and none again before an
// interval has passed; and that whatever does not happen, or not last, is tried
// ever more rarely, and told for as long as that goes on. What it needs to know of the past stands on the
// objects, so that a new leader restarts nothing.
//
// It decides nothing about what is injected, reads no Secret, and never imports
// cmd, or the folders of the other controllers.
//
// Decisions (2026-11):
//   - Where a namespace is disabled the APIService comes last, though elsewhere it is
//     first: its nudge takes out the caBundle by which what still serves is verified.
//     The operator comes first, though elsewhere it is last: a KEDA that was injected
//     from the start has never made the Secret that the others mount then, and they
//     would not start.
//   - The stages of one change of certificate restart a KEDA that reads its own only
//     once up to three times. They are one rollout of one state to the brake: each is
//     published when the one before has arrived, so they cannot come too fast.
//   - Admission's changes carry no field manager, so a nudge leaves all fields
//     with their owners, and the next server-side apply meets no conflict.
//   - An interval of two minutes: a source that flaps for one minute is then
//     followed at its beginning and at its end, and not in between. Each restart
//     that comes within two intervals of the one before, or repeats what somebody
//     took back, doubles the next, up to an hour, so that neither a source that
//     flaps for days nor a writer at war fills etcd with ReplicaSets. How many there
//     were is noted by the nudge itself, in its annotation, so that the next leader
//     does not begin anew, unless that is taken back as well. Only to take out what
//     was injected waits for nothing: whoever orders that may be in trouble.
//   - Every Deployment that we nudged and that is not available again holds up all
//     others, whatever their order: after a webhook that was down, it is chance
//     which of them is nudged first. One that was unavailable before, is paused or
//     is scaled to nothing holds up none, and no other longer than its progress
//     deadline, for which Kubernetes' default stands in where there is none.
//   - When a Deployment was nudged is read from its annotation, and where admission
//     took that out with everything else, from its managed fields.
//   - A nudge is no conditional write. Two leaders for a moment nudge twice, and the
//     second finds nothing to change; with a resourceVersion one of them would fail
//     for nothing whenever a status is written.
//   - A state that is not published, or cannot be read, is a reason for nothing.
package rollout
