// Package installation reads what every controller and the command line start
// from: KEDA's components in a namespace, the state that is published for them, and
// whether keda-trust was granted the namespace.
//
// It promises to read live and by name, never from a cache that could hold every
// Secret or lag behind an apply of everything at once, and to decide nothing: that
// is injector's.
package installation
