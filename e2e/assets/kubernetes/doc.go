// Package kubernetes says which releases of Kubernetes there are to test with,
// and how their programs and etcd are built.
//
// It promises that each release is pinned, and that this is the only place to
// raise one. It must never import anything of Kubernetes: every test run
// compiles it first.
package kubernetes
