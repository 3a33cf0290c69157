// Package notice tells in Events what a controller did, found or would do, to
// whoever looks after an installation of KEDA.
//
// It promises that a finding is told when it appears and, while it lasts, before
// an API server forgets its Event, and at no other time; and that what is about a
// Namespace in which keda-trust may write nothing is stored all the same.
//
// It reads nothing, decides nothing, and does not know the controllers.
//
// Decisions (2026-11):
//   - An Event about a Namespace is kept in it, where whoever installed KEDA looks,
//     and in "default" where keda-trust lacks its Role: nowhere else could it say so.
//   - What was told of a finding is remembered in memory only; a new leader tells it
//     once more, which is better than never.
package notice
