package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	objectBefore = `{"kind":"APIService","metadata":{"name":"a","resourceVersion":"1"},"spec":{"insecureSkipTLSVerify":true},"status":{"x":1}}`
	objectAfter  = `{"kind":"APIService","metadata":{"name":"a","resourceVersion":"2"},"spec":{"caBundle":"ca"},"status":{"x":2}}`
)

func TestADifferenceLeavesOutWhatTheAPIServerKeeps(t *testing.T) {
	t.Parallel()
	text, err := unified("APIService a", []byte(objectBefore), []byte(objectAfter))
	if err != nil {
		t.Fatal(err)
	}
	want := "--- APIService a (as it is)\n+++ APIService a (enabled)\n@@ -2,4 +2,4 @@\n metadata:\n   name: a\n spec:\n-  insecureSkipTLSVerify: true\n+  caBundle: ca\n"
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if text, err := unified("APIService a", []byte(objectBefore), []byte(objectBefore)); text != "" || err != nil {
		t.Errorf("an object differs from itself: %q, %v", text, err)
	}
}

func TestColoursAreForATerminalAndNotForAFile(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	text := "--- a\n+++ b\n@@ -1 +1 @@\n-" + long + "1\n+" + long + "2\n same\n"
	var plain, coloured bytes.Buffer
	if err := newScreen(&plain).printDiff(text); err != nil {
		t.Fatal(err)
	}
	if plain.String() != text {
		t.Errorf("what is no terminal gets %q, want all of it as it is", plain.String())
	}
	if err := (screen{out: &coloured, terminal: true, colours: true}).printDiff(text); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(coloured.String(), "\n")
	for i, colour := range []string{bold, bold, cyan, red, green} {
		if !strings.HasPrefix(lines[i], colour) || !strings.HasSuffix(lines[i], normal) {
			t.Errorf("line %d is %q, want it in %q", i, lines[i], colour)
		}
	}
	if len(lines[3]) > 160 || strings.TrimLeft(lines[3], "\x1b[0123456789m-") == strings.TrimLeft(lines[4], "\x1b[0123456789m+") {
		t.Errorf("two long lines that differ at their end are not short, or look alike: %q, %q", lines[3], lines[4])
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if s := newScreen(file); s.terminal || s.colours {
		t.Error("a file is taken for a terminal")
	}
}
