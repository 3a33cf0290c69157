package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// cacheDir is where results are kept.
func cacheDir() (string, error) {
	if dir := os.Getenv("KEDA_TRUST_ASSETS_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("choosing a cache directory: %w; set KEDA_TRUST_ASSETS_CACHE", err)
	}
	return filepath.Join(dir, "keda-trust", "assets"), nil
}

// builtDir is named after everything that decides what a build gives, so that
// no result ever has to be thrown away for being stale.
func (f finder) builtDir() string {
	recipe := append(compileFlags(f.release), runtime.Version(), f.release.patch, etcdVersion, etcdMain)
	sum := sha256.Sum256([]byte(strings.Join(recipe, "\x00")))
	return filepath.Join(f.cache, fmt.Sprintf("kubernetes-%s-%s-%s-%x", f.release.patch, runtime.GOOS, runtime.GOARCH, sum[:6]))
}

// fromCache returns what an earlier call has built or downloaded.
func (f finder) fromCache() (string, bool) {
	if dir := f.builtDir(); f.source != sourceDownload && complete(dir, binaries) == nil {
		return dir, true
	}
	if f.source == sourceBuild {
		return "", false
	}
	downloaded, err := filepath.Glob(filepath.Join(f.downloads(), "k8s", f.release.minor+".*-"+runtime.GOOS+"-"+runtime.GOARCH))
	if err != nil {
		return "", false // a cache whose own path is no pattern can only miss
	}
	for _, dir := range downloaded {
		if complete(dir, binaries) == nil {
			return dir, true
		}
	}
	return "", false
}

// controllerManagerDir is named after what builtDir is, and after the directory
// whose API server it completes.
func (f finder) controllerManagerDir(server string) string {
	recipe := append(compileFlags(f.release), runtime.Version(), f.release.patch, server)
	sum := sha256.Sum256([]byte(strings.Join(recipe, "\x00")))
	return filepath.Join(f.cache, fmt.Sprintf("controller-manager-%s-%s-%s-%x", f.release.patch, runtime.GOOS, runtime.GOARCH, sum[:6]))
}

// locked runs fill, which gives these binaries, while no other process fills
// the same directory, and moves the result in place in one step: who looks at
// dir sees nothing or all of it. The lock is the kernel's, so a call that was
// killed does not block the next.
func locked(ctx context.Context, dir string, names []string, fill func(partial string) error) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("creating the cache: %w", err)
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("opening the lock: %w", err)
	}
	defer lock.Close()
	if err := acquire(ctx, lock); err != nil {
		return err
	}
	if complete(dir, names) == nil {
		return nil
	}
	partial := dir + ".partial"
	if err := errors.Join(os.RemoveAll(partial), os.RemoveAll(dir), os.MkdirAll(partial, 0o755)); err != nil {
		return fmt.Errorf("clearing %s: %w", partial, err)
	}
	if err := fill(partial); err != nil {
		return errors.Join(err, os.RemoveAll(partial))
	}
	if err := os.Rename(partial, dir); err != nil {
		return fmt.Errorf("moving the result in place: %w", err)
	}
	return nil
}

// acquire asks again and again rather than blocking, so that an interrupt ends
// the wait.
func acquire(ctx context.Context, lock *os.File) error {
	told := false
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("locking %s: %w", lock.Name(), err)
		}
		if !told {
			tell("waiting for another process that prepares the same binaries (%s)", lock.Name())
			told = true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", lock.Name(), context.Cause(ctx))
		case <-time.After(200 * time.Millisecond):
		}
	}
}
