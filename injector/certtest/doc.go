// Package certtest makes CAs and leaves for tests, and nothing else: no
// product code imports it.
//
// All keys are ECDSA P-256, since tests make many. Certificates are valid from
// 2020 to 2120 unless a test says otherwise, so that suites with a fixed clock
// and suites with a real API server can use the same ones (2026-11).
package certtest
