// Command assets prints the directory of a kube-apiserver and an etcd, on
// demand with a kube-controller-manager, and gets them first where there are
// none.
//
// It promises that standard output holds that directory and nothing else, that
// a second call returns at once, and that two calls at the same time, also
// from different checkouts, do not disturb each other. It must never import
// anything of Kubernetes: every test run compiles it first. How the programs are
// built is in packages of its own, which e2e/cluster uses as well.
//
// Decisions that bind it (2026-11):
//   - Downloading comes before building: seconds against minutes. Whether there
//     is a network is asked with a bound, for a firewall that drops packets
//     would otherwise hold up a build that needs no such network.
//   - kube-controller-manager is not asked for by default: few tests need it,
//     and no download has it, so that it costs minutes everywhere.
package main
