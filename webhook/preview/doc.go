// Package preview says what enabling keda-trust for an installation of KEDA would
// change, or where it is enabled, what is still to be carried out.
//
// It promises to change nothing, and to decide nothing of its own: the decision is
// package trust's, the change of each object that of injector.Inject, as at
// admission, so that what it says is what happens. It needs neither a label nor a
// keda-trust that runs, only somebody who may read.
//
// Decisions (2026-11):
//   - What is published is what admission carries out, so where the Namespace is
//     enabled that is shown, and what the sources say meanwhile is told beside it: that
//     keda-trust is on the way there only where it has noted so, and nothing of what
//     the account that looks may not read.
//     Options that are tried out, or a Namespace that is not enabled, show what
//     would be published; where that is refused, the last state stays, here too.
//   - A state that was left behind when the Namespace lost its label is carried out by
//     nobody, and so shown nowhere; but KEDA's pods may still have its certificate, so
//     whether another comes in stages is told from it.
//   - What restarts is injector.Stand's to say, as in package rollout: a Deployment
//     that carries the state restarts for no other version of keda-trust, though
//     somebody else's next write would change it. And its pod template has to differ,
//     compared as Kubernetes does, by what it says and not by how it was written.
//   - A KEDA that reads its certificate only when it starts restarts at each stage of
//     a change. How many there will be depends on what is published by then, so it is
//     said to be up to three, wherever what its pods mount now is another one.
package preview
