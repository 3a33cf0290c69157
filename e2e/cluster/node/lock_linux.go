package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock lets one call at a time start or remove the node. Images are loaded
// without it: several at once do no harm. It is on the node's directory, so that
// no file is left of it, and it ends with the process that has it.
func (n Node) lock(ctx context.Context) (unlock func(), err error) {
	told := false
	var held *os.File
	err = until(ctx, 10*time.Minute, "waiting for another call", func() (bool, error) {
		held, err = n.tryLock()
		if held == nil && err == nil && !told {
			n.Tell("waiting for another call that starts or removes the node")
			told = true
		}
		return held != nil, err
	})
	if err != nil {
		return nil, err
	}
	return func() { _ = held.Close() }, nil
}

// tryLock returns nothing where somebody else has the lock, or has removed the
// directory since it was opened.
func (n Node) tryLock() (*os.File, error) {
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the node's directory: %w", err)
	}
	dir, err := os.Open(n.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the node's directory: %w", err)
	}
	err = syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, dir.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking the node's directory: %w", err), dir.Close())
	}
	ours, err := dir.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("looking at the node's directory: %w", err), dir.Close())
	}
	current, err := os.Stat(n.Dir)
	if err != nil || !os.SameFile(ours, current) {
		return nil, dir.Close()
	}
	return dir, nil
}
