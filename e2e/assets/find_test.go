package main

import (
	"strings"
	"testing"
)

func TestTheEnvironmentComesFirst(t *testing.T) {
	dir := t.TempDir()
	if err := writeBinaries(dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv(environmentVariable, dir)
	for _, kubernetes := range []string{"", "1.37"} {
		if got := mustFind(t, kubernetes); got != dir {
			t.Errorf("--kubernetes %q: got %s, want %s", kubernetes, got, dir)
		}
	}
}

func TestTheEnvironmentMustNotHoldAnotherRelease(t *testing.T) {
	dir := t.TempDir()
	if err := writeBinaries(dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv(environmentVariable, dir)
	f, err := newFinder(t.TempDir(), "1.30", sourceAuto)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.find(t.Context()); err == nil || !strings.Contains(err.Error(), "v1.37.2") {
		t.Errorf("got %v", err)
	}
}

func TestAnEnvironmentWithoutBinariesIsAnError(t *testing.T) {
	t.Setenv(environmentVariable, t.TempDir())
	f, err := newFinder(t.TempDir(), "", sourceAuto)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.find(t.Context())
	for _, name := range binaries {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestAnEarlierResultIsTakenAgain(t *testing.T) {
	t.Setenv(environmentVariable, "")
	cache := t.TempDir()
	f, err := newFinder(cache, "", sourceAuto)
	if err != nil {
		t.Fatal(err)
	}
	if err := locked(t.Context(), f.builtDir(), writeBinaries); err != nil {
		t.Fatal(err)
	}
	got, err := f.find(t.Context())
	if err != nil || got != f.builtDir() {
		t.Errorf("got %s, %v, want %s", got, err, f.builtDir())
	}
}

func mustFind(t *testing.T, kubernetes string) string {
	t.Helper()
	f, err := newFinder(t.TempDir(), kubernetes, sourceAuto)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := f.find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
