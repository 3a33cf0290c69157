package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// find returns the PID of the node's first process, 0 where there is none. The
// process is known by its arguments and not by a file, which can be lost.
func (n Node) find() (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, fmt.Errorf("looking for the node: %w", err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		ours, err := n.is(pid)
		if err != nil {
			return 0, fmt.Errorf("looking for the node: %w", err)
		}
		if ours {
			return pid, nil
		}
	}
	return 0, nil
}

// is tells whether a process is the node's first. One that has ended has no
// arguments any more, also before its parent has buried it.
func (n Node) is(pid int) (bool, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	arguments, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	words := strings.Split(string(arguments), "\x00")
	if len(words) < 3 || !slices.Equal(words[1:3], []string{InitCommand, n.path(planFile)}) {
		return false, nil
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && owner.Uid == 0, nil
}

// kill ends the node's first process and with it all others, and returns when
// they are gone.
func (n Node) kill(ctx context.Context) error {
	pid, err := n.find()
	if err != nil || pid == 0 {
		return err
	}
	// A handle on the process: should its PID be given anew, the signal fails.
	process, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("ending the node: %w", err)
	}
	if ours, err := n.is(pid); err != nil || !ours {
		return err
	}
	if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending the node: %w", err)
	}
	return until(ctx, time.Minute, "waiting for the node's processes to end", func() (bool, error) {
		there, err := n.is(pid)
		return !there, err
	})
}

// until asks again and again.
func until(ctx context.Context, bound time.Duration, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bound, fmt.Errorf("not within %s", bound))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		switch ok, err := done(); {
		case err != nil:
			return fmt.Errorf("%s: %w", what, err)
		case ok:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
