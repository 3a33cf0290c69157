// Package patched makes of an object what an API server would make of it: the one
// place where the operations that injector answers are applied.
//
// It is apart from injector because only those need it who are no API server, and
// injector is to depend on nothing that applies patches.
package patched
