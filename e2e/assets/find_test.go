package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/assets/kubernetes"
)

func TestTheEnvironmentComesFirst(t *testing.T) {
	dir := withBinaries(t, t.TempDir(), binaries...)
	t.Setenv(environmentVariable, dir)
	for _, minor := range []string{"", "1.37"} {
		if got, err := newTestFinder(t, minor).find(t.Context()); err != nil || got != dir {
			t.Errorf("--kubernetes %q: got %s, %v, want %s", minor, got, err, dir)
		}
	}
}

func TestTheEnvironmentMustNotHoldAnotherRelease(t *testing.T) {
	t.Setenv(environmentVariable, withBinaries(t, t.TempDir(), binaries...))
	if _, err := newTestFinder(t, "1.30").find(t.Context()); err == nil || !strings.Contains(err.Error(), "v1.37.2") {
		t.Errorf("got %v", err)
	}
}

func TestAnEnvironmentWithoutBinariesIsAnError(t *testing.T) {
	t.Setenv(environmentVariable, t.TempDir())
	f := newTestFinder(t, "")
	f.controllerManager = true
	_, err := f.find(t.Context())
	for _, name := range append(binaries, kubernetes.ControllerManager) {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestAnEnvironmentIsNotCompletedByWhatItLacks(t *testing.T) {
	t.Setenv(environmentVariable, withBinaries(t, t.TempDir(), binaries...))
	f := newTestFinder(t, "")
	f.controllerManager = true
	if _, err := f.find(t.Context()); err == nil || !strings.Contains(err.Error(), kubernetes.ControllerManager) {
		t.Errorf("%v does not name %s", err, kubernetes.ControllerManager)
	}
}

func TestAnEarlierResultIsTakenAgain(t *testing.T) {
	t.Setenv(environmentVariable, "")
	f := newTestFinder(t, "")
	for _, program := range f.built() {
		withBinaries(t, filepath.Dir(f.cache.Path(program)), program.Name)
	}
	built, err := f.build(t.Context())
	if err != nil || built != f.builtDir() {
		t.Fatalf("gathered in %s, %v, want %s", built, err, f.builtDir())
	}
	if got, err := f.find(t.Context()); err != nil || got != built {
		t.Errorf("got %s, %v, want %s", got, err, built)
	}
}

func TestAControllerManagerStandsBesideTheServerThatWasFound(t *testing.T) {
	t.Setenv(environmentVariable, "")
	f := newTestFinder(t, "")
	server := withBinaries(t, filepath.Join(f.downloads(), "k8s", "1.37.0-"+runtime.GOOS+"-"+runtime.GOARCH), binaries...)
	manager := f.release.Program(kubernetes.ControllerManager)
	withBinaries(t, filepath.Dir(f.cache.Path(manager)), manager.Name)

	f.controllerManager = true
	dir, err := f.find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := gobuild.Complete(dir, []string{"kube-apiserver", "etcd", "kube-controller-manager"}); err != nil {
		t.Error(err)
	}
	if dir == server || dir == f.builtDir() {
		t.Errorf("it stands where nobody asked for it, in %s", dir)
	}
	if err := os.RemoveAll(server); err != nil {
		t.Fatal(err)
	}
	if gobuild.Complete(dir, f.wanted()) == nil {
		t.Error("links to a server that is gone pass for complete")
	}
}

func newTestFinder(t *testing.T, minor string) finder {
	t.Helper()
	f, err := newFinder(gobuild.Cache{Dir: t.TempDir(), Tell: t.Logf}, minor, sourceAuto)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// withBinaries fills a directory with programs that only tell a version.
func withBinaries(t *testing.T, dir string, names ...string) string {
	t.Helper()
	faults := []error{os.MkdirAll(dir, 0o755)}
	for _, name := range names {
		faults = append(faults, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho Kubernetes v1.37.2\n"), 0o755))
	}
	if err := errors.Join(faults...); err != nil {
		t.Fatal(err)
	}
	return dir
}
