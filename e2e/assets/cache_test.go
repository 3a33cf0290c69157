package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestTwoCallsAtTheSameTimeBuildOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "result")
	var fills atomic.Int64
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			err := locked(t.Context(), dir, binaries, func(partial string) error {
				fills.Add(1)
				return writeBinaries(partial)
			})
			if err != nil {
				t.Error(err)
			}
			if err := complete(dir, binaries); err != nil {
				t.Errorf("returned before the result was there: %v", err)
			}
		})
	}
	calls.Wait()
	if fills.Load() != 1 {
		t.Errorf("built %d times", fills.Load())
	}
}

func TestAFailedBuildLeavesNothingBehind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "result")
	broken := errors.New("broken")
	err := locked(t.Context(), dir, binaries, func(partial string) error {
		return errors.Join(writeBinaries(partial), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	left, err := filepath.Glob(dir + "*")
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || left[0] != dir+".lock" {
		t.Errorf("left behind: %v", left)
	}
}

func TestAnInterruptEndsTheWaitForAnotherCall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "result")
	err := locked(t.Context(), dir, binaries, func(partial string) error {
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		waiting := locked(ctx, dir, binaries, func(string) error { return errors.New("entered twice") })
		if !errors.Is(waiting, context.Canceled) {
			t.Errorf("the second call returned %v", waiting)
		}
		return writeBinaries(partial)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestADifferentReleaseIsADifferentResult(t *testing.T) {
	seen := map[string]string{}
	for _, minor := range minors() {
		f, err := newFinder("cache", minor, sourceAuto)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[f.builtDir()]; ok {
			t.Errorf("%s and %s share %s", minor, other, f.builtDir())
		}
		seen[f.builtDir()] = minor
	}
}

func TestAnIncompleteDirectoryIsToldByWhatItLacks(t *testing.T) {
	dir := t.TempDir()
	if err := writeBinaries(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "etcd"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := complete(dir, binaries)
	if err == nil || !strings.Contains(err.Error(), "etcd: not an executable file") || strings.Contains(err.Error(), "kube-apiserver") {
		t.Errorf("got %v", err)
	}
}

func writeBinaries(dir string) error {
	var faults []error
	for _, name := range binaries {
		faults = append(faults, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho Kubernetes v1.37.2\n"), 0o755))
	}
	return errors.Join(faults...)
}
