// Package certificates makes the certificates that the programs of e2e give to
// KEDA and serve with.
//
// It promises that a certificate verifies for the names it was asked for, is
// good for serving and for being a client, as KEDA's components are both, and
// is valid for a year. It must never import a package of keda-trust, which has
// to accept what others make.
package certificates
