package main

import (
	"testing"
	"time"
)

func TestAFileLagsItsSecret(t *testing.T) {
	start := time.Now()
	files := backlog[string]{lag: 5 * time.Second}
	if _, waits := files.next(); waits {
		t.Error("something waits before anything was written")
	}
	files.add("first", start)
	files.add("second", start.Add(time.Second))
	files.add("third", start.Add(4*time.Second))
	if content, found := files.take(start.Add(5*time.Second - 1)); found {
		t.Errorf("%q is there before the lag is over", content)
	}
	if due, waits := files.next(); !waits || !due.Equal(start.Add(5*time.Second)) {
		t.Errorf("next is %v, %t; want after 5s", due.Sub(start), waits)
	}
	if content, found := files.take(start.Add(6 * time.Second)); !found || content != "second" {
		t.Errorf("got %q, %t; want the newest of two that are due", content, found)
	}
	if content, found := files.take(start.Add(time.Minute)); !found || content != "third" {
		t.Errorf("got %q, %t; want the third", content, found)
	}
	if content, found := files.take(start.Add(time.Hour)); found {
		t.Errorf("%q is there twice", content)
	}
}
