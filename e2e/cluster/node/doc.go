// Package node runs a Kubernetes node, control plane and all, on a Linux machine
// without a container engine.
//
// It promises that whatever it started is gone after Down, in whichever order
// and however it was interrupted before, and that the machine is as it was, but
// for Debian's packages, and where cgroups are of version 2 for the controllers
// that the root cgroup grants: others may have come to use them. It must never
// write outside of its directory, but for these, one network link and one cgroup,
// both of which it names.
//
// Decisions that bind it (2026-11):
//   - Everything runs in a PID, a mount and a network namespace of its own, below
//     one process of ours. When that one is killed, by whomever, the kernel ends
//     all others and drops their mounts, sockets and links: there is no list of
//     them to keep, and none to lose.
//   - What programs write at fixed places (/run, /var/lib, /var/log) they write
//     into that mount namespace. The settings of the whole machine that a kubelet
//     insists on changing (vm.overcommit_memory and five more) it finds there as
//     it wants them, and leaves the real ones alone.
//   - The network has no way out, so that nothing depends on what answers there.
//     The machine itself reaches the node's address through a link, for kubectl.
//   - Pods are connected by the CNI plugin ptp, as kind's are: with a bridge, pods
//     that talk through a Service need a kernel module that not all machines have.
//   - Images come from a registry on the node that stands for all others.
//   - Nothing is restarted: a component that ends is a finding, and is told.
package node
