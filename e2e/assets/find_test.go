package main

import (
	"errors"
	"os"
	"path/filepath"
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
	if err := locked(t.Context(), f.builtDir(), binaries, writeBinaries); err != nil {
		t.Fatal(err)
	}
	got, err := f.find(t.Context())
	if err != nil || got != f.builtDir() {
		t.Errorf("got %s, %v, want %s", got, err, f.builtDir())
	}
}

func TestAnEnvironmentIsNotCompletedByWhatItLacks(t *testing.T) {
	dir := t.TempDir()
	if err := writeBinaries(dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv(environmentVariable, dir)
	f := withControllerManager(t, t.TempDir())
	if _, err := f.find(t.Context()); err == nil || !strings.Contains(err.Error(), controllerManager) {
		t.Errorf("%v does not name %s", err, controllerManager)
	}
}

func TestAControllerManagerStandsBesideTheServerThatWasFound(t *testing.T) {
	t.Setenv(environmentVariable, "")
	f := withControllerManager(t, t.TempDir())
	server := f.builtDir()
	if err := locked(t.Context(), server, binaries, writeBinaries); err != nil {
		t.Fatal(err)
	}
	dir := f.controllerManagerDir(server)
	err := locked(t.Context(), dir, f.wanted(), func(partial string) error {
		manager := filepath.Join(partial, controllerManager)
		return errors.Join(linkServer(server, partial), os.WriteFile(manager, []byte("#!/bin/sh\n"), 0o755))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.find(t.Context()); err != nil || got != dir {
		t.Errorf("asked for it: got %s, %v, want %s", got, err, dir)
	}
	if err := complete(dir, []string{"kube-apiserver", "etcd", controllerManager}); err != nil {
		t.Error(err)
	}
	f.controllerManager = false
	if got, err := f.find(t.Context()); err != nil || got != server {
		t.Errorf("not asked for it: got %s, %v, want %s", got, err, server)
	}
	if err := os.RemoveAll(server); err != nil {
		t.Fatal(err)
	}
	if complete(dir, f.wanted()) == nil {
		t.Error("links to a server that is gone pass for complete")
	}
}

func withControllerManager(t *testing.T, cache string) finder {
	t.Helper()
	f, err := newFinder(cache, "", sourceAuto)
	if err != nil {
		t.Fatal(err)
	}
	f.controllerManager = true
	return f
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
