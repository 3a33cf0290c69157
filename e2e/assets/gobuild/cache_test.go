package gobuild

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

var binaries = []string{"kube-apiserver", "etcd"}

func TestTwoCallsAtTheSameTimeBuildOnce(t *testing.T) {
	cache := testCache(t)
	var fills atomic.Int64
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			dir, err := cache.Fill(t.Context(), "result", binaries, func(partial string) error {
				fills.Add(1)
				return writeBinaries(partial)
			})
			if err != nil {
				t.Error(err)
			}
			if err := Complete(dir, binaries); err != nil {
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
	cache := testCache(t)
	broken := errors.New("broken")
	_, err := cache.Fill(t.Context(), "result", binaries, func(partial string) error {
		return errors.Join(writeBinaries(partial), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	left, err := os.ReadDir(cache.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || left[0].Name() != "result.lock" {
		t.Errorf("left behind: %v", left)
	}
}

func TestAnInterruptEndsTheWaitForAnotherCall(t *testing.T) {
	cache := testCache(t)
	_, err := cache.Fill(t.Context(), "result", binaries, func(partial string) error {
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		_, waiting := cache.Fill(ctx, "result", binaries, func(string) error { return errors.New("entered twice") })
		if !errors.Is(waiting, context.Canceled) {
			t.Errorf("the second call returned %v", waiting)
		}
		return writeBinaries(partial)
	})
	if err != nil {
		t.Fatal(err)
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
	err := Complete(dir, binaries)
	if err == nil || !strings.Contains(err.Error(), "etcd: not an executable file") || strings.Contains(err.Error(), "kube-apiserver") {
		t.Errorf("got %v", err)
	}
}

func testCache(t *testing.T) Cache {
	t.Helper()
	return Cache{Dir: filepath.Join(t.TempDir(), "cache"), Tell: t.Logf}
}

func writeBinaries(dir string) error {
	var faults []error
	for _, name := range binaries {
		faults = append(faults, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755))
	}
	return errors.Join(faults...)
}
