// Command bench measures what keda-trust costs: an admission through a real
// kube-apiserver beside the same admission without it, its parts, its start and
// its memory.
//
// It promises that every sample was admitted as it should have been, that what
// is compared does the same, and that a figure which misses what is wanted is
// printed as it is: it ends with 1 only if something could not be measured. It
// must never import what only the product's inside knows; the handler has a
// benchmark of its own, which this command runs.
//
// Decisions that bind it (2026-11):
//   - All contenders exist at once, told apart by namespace, and are asked in
//     turns: figures of two runs on a shared machine cannot be compared.
//   - The references, a no-op and a webhook that answers keda-trust's patch as a
//     constant, run in a process of their own, as keda-trust does: this process
//     does nothing else while it waits for an answer. The constant patch shows
//     what of the ratio is the API server's work with a patch.
//   - The policy has to make the same pod template as keda-trust, or the run
//     fails. It keeps no record and reads no state.
package main
