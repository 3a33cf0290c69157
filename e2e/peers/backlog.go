package main

import "time"

// version is one content of a file.
type version[T any] struct {
	content T
	due     time.Time
}

// backlog holds what was written to a Secret until the kubelet would have it in
// the file.
type backlog[T any] struct {
	lag     time.Duration
	waiting []version[T]
}

func (b *backlog[T]) add(content T, written time.Time) {
	b.waiting = append(b.waiting, version[T]{content, written.Add(b.lag)})
}

// take returns the newest content that is due, which replaces those before it.
func (b *backlog[T]) take(now time.Time) (content T, found bool) {
	for len(b.waiting) > 0 && !b.waiting[0].due.After(now) {
		content, found = b.waiting[0].content, true
		b.waiting = b.waiting[1:]
	}
	return content, found
}

// next is when there will be something to take; false where nothing waits.
func (b *backlog[T]) next() (time.Time, bool) {
	if len(b.waiting) == 0 {
		return time.Time{}, false
	}
	return b.waiting[0].due, true
}
