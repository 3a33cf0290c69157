package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Down removes the node, or what an interrupted Up or Down has left of one.
func (n Node) Down(ctx context.Context) error {
	there, err := n.Exists()
	if err != nil || !there {
		return err
	}
	unlock, err := n.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return n.remove(ctx)
}

// Exists tells whether there is anything of a node.
func (n Node) Exists() (bool, error) {
	pid, err := n.find()
	if err != nil || pid != 0 {
		return pid != 0, err
	}
	cgroups, err := n.cgroups()
	if err != nil {
		return false, err
	}
	for _, path := range append(cgroups, n.Dir, n.linkDir()) {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return true, err
		}
	}
	return false, nil
}

// remove needs the lock. The processes come first, for they use the rest.
func (n Node) remove(ctx context.Context) error {
	if err := n.kill(ctx); err != nil {
		return err
	}
	return errors.Join(n.removeLink(ctx), n.removeCgroups(ctx), n.removeDir())
}

func (n Node) linkDir() string { return filepath.Join("/sys/class/net", n.Link) }

// removeLink need not wait for the kernel, which drops the link with the node's
// network, but in its own time.
func (n Node) removeLink(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "ip", "link", "delete", n.Link).CombinedOutput()
	if _, gone := os.Lstat(n.linkDir()); errors.Is(gone, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("removing the network link %s: %w: %s", n.Link, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// cgroups are the node's directories, one in each hierarchy that may limit pods.
func (n Node) cgroups() ([]string, error) {
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		return []string{filepath.Join(root, n.Cgroup)}, nil
	}
	hierarchies, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("looking for cgroups: %w", err)
	}
	var dirs []string
	for _, hierarchy := range hierarchies {
		if hierarchy.IsDir() { // the rest are links, as of cpu to cpu,cpuacct
			dirs = append(dirs, filepath.Join(root, hierarchy.Name(), n.Cgroup))
		}
	}
	return dirs, nil
}

// removeCgroups waits a little for each: a process that was just killed still
// counts for a moment.
func (n Node) removeCgroups(ctx context.Context) error {
	dirs, err := n.cgroups()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		err := until(ctx, 10*time.Second, "removing cgroup "+dir, func() (bool, error) {
			err := removeCgroup(dir)
			if errors.Is(err, syscall.EBUSY) {
				return false, nil
			}
			return err == nil, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// removeCgroup removes directories only, deepest first: the files in them are
// the kernel's.
func removeCgroup(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return ignoreGone(err)
	})
	if err != nil {
		return err
	}
	for _, dir := range slices.Backward(dirs) {
		if err := ignoreGone(syscall.Rmdir(dir)); err != nil {
			return err
		}
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (n Node) removeDir() error {
	if err := os.RemoveAll(n.Dir); err != nil {
		return fmt.Errorf("removing the node's directory: %w", err)
	}
	return nil
}
