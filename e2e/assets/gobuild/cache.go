package gobuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// CacheVariable names where results are kept, if somebody wants them elsewhere
// than in the user's cache directory.
const CacheVariable = "KEDA_TRUST_ASSETS_CACHE"

// Cache is where results are kept.
type Cache struct {
	Dir  string                           // absolute
	Tell func(format string, args ...any) // takes a line of progress
}

// OpenCache chooses the directory; it is made when something is kept.
func OpenCache(tell func(format string, args ...any)) (Cache, error) {
	if dir := os.Getenv(CacheVariable); dir != "" {
		dir, err := filepath.Abs(dir)
		return Cache{Dir: dir, Tell: tell}, err
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return Cache{}, fmt.Errorf("choosing a cache directory: %w; set %s", err, CacheVariable)
	}
	return Cache{Dir: filepath.Join(dir, "keda-trust", "assets"), Tell: tell}, nil
}

// Fill returns the directory of that name in the cache. Unless it holds all
// executables of names, fill makes them, while no other process does, and the
// result is moved in place in one step: who looks sees nothing or all of it.
// The lock is the kernel's, so a call that was killed does not block the next.
func (c Cache) Fill(ctx context.Context, name string, names []string, fill func(partial string) error) (string, error) {
	dir := filepath.Join(c.Dir, name)
	if Complete(dir, names) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return "", fmt.Errorf("creating the cache: %w", err)
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", fmt.Errorf("opening the lock: %w", err)
	}
	defer lock.Close()
	if err := c.acquire(ctx, lock); err != nil {
		return "", err
	}
	if Complete(dir, names) == nil {
		return dir, nil
	}
	partial := dir + ".partial"
	if err := errors.Join(os.RemoveAll(partial), os.RemoveAll(dir), os.MkdirAll(partial, 0o755)); err != nil {
		return "", fmt.Errorf("clearing %s: %w", partial, err)
	}
	if err := fill(partial); err != nil {
		return "", errors.Join(err, os.RemoveAll(partial))
	}
	if err := os.Rename(partial, dir); err != nil {
		return "", fmt.Errorf("moving the result in place: %w", err)
	}
	return dir, nil
}

// acquire asks again and again rather than blocking, so that an interrupt ends
// the wait.
func (c Cache) acquire(ctx context.Context, lock *os.File) error {
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
			c.Tell("waiting for another process that prepares the same (%s)", lock.Name())
			told = true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", lock.Name(), context.Cause(ctx))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Complete tells which of these executables a directory lacks.
func Complete(dir string, names []string) error {
	var faults []error
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("looking for %s: %w", name, err))
		case info.IsDir() || info.Mode()&0o111 == 0:
			faults = append(faults, fmt.Errorf("looking for %s: not an executable file", name))
		}
	}
	return errors.Join(faults...)
}
