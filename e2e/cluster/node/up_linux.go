package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
)

// Running tells whether there is a node, ready or not.
func (n Node) Running() (bool, error) {
	pid, err := n.find()
	return pid != 0, err
}

// Possible tells, before anything long is done, why Up cannot succeed.
func (Node) Possible() error {
	if os.Geteuid() != 0 {
		return errors.New("starting a node: namespaces, cgroups and mounts need root; use sudo, or start docker or podman")
	}
	return nil
}

// Up makes the node run and returns when pods can be made on it. It leaves a
// node that runs already as it is, but for what a call before this one was kept
// from doing.
func (n Node) Up(ctx context.Context, cache gobuild.Cache) error {
	running, err := n.Running()
	if err != nil {
		return err
	}
	begun := time.Now()
	if !running {
		if begun, err = n.begin(ctx, cache); err != nil {
			return err
		}
	}
	if err := n.pushPause(ctx, cache); err != nil {
		return err
	}
	if err := n.awaitReady(ctx); err != nil {
		return err
	}
	if !running {
		n.Tell("the node is ready after %s", time.Since(begun).Round(100*time.Millisecond))
	}
	return nil
}

// begin gets what is missing on the machine and starts the node.
func (n Node) begin(ctx context.Context, cache gobuild.Cache) (begun time.Time, err error) {
	if err := n.Possible(); err != nil {
		return begun, err
	}
	plugins, err := n.installPackages(ctx)
	if err != nil {
		return begun, err
	}
	programs, err := buildAll(ctx, cache)
	if err != nil {
		return begun, err
	}
	return time.Now(), n.start(ctx, programs, plugins)
}

// start starts the node's first process, unless another call just has.
func (n Node) start(ctx context.Context, programs binaries, plugins string) error {
	unlock, err := n.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if running, err := n.Running(); err != nil || running {
		return err
	}
	if err := n.clear(ctx); err != nil {
		return err
	}
	if err := n.prepare(programs, plugins); err != nil {
		return err
	}
	n.Tell("starting the node in %s", n.Dir)
	return n.launch(ctx)
}

// clear removes what an interrupted call or a boot of the machine has left,
// the locked directory itself apart.
func (n Node) clear(ctx context.Context) error {
	if err := errors.Join(n.removeLink(ctx), n.removeCgroups(ctx)); err != nil {
		return err
	}
	left, err := os.ReadDir(n.Dir)
	if err != nil {
		return fmt.Errorf("clearing the node's directory: %w", err)
	}
	for _, entry := range left {
		if err := os.RemoveAll(n.path(entry.Name())); err != nil {
			return fmt.Errorf("clearing the node's directory: %w", err)
		}
	}
	return nil
}

// prepare writes everything that the first process and its programs read.
func (n Node) prepare(programs binaries, plugins string) error {
	cgroups, err := n.cgroups()
	if err != nil {
		return err
	}
	configured, err := n.configuration(plugins)
	if err != nil {
		return err
	}
	credentials, err := n.credentials(time.Now())
	if err != nil {
		return err
	}
	return n.write(n.plan(programs, cgroups), configured, credentials)
}

// launch starts the first process in namespaces of its own, gives the machine a
// link into them, and lets it go on.
func (n Node) launch(ctx context.Context) error {
	log, err := os.Create(n.log(InitCommand))
	if err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	defer write.Close()
	first := n.first(read)
	first.Stdout, first.Stderr = log, log
	if err := errors.Join(first.Start(), read.Close()); err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	if err := n.addLink(ctx, first.Process.Pid); err != nil {
		return errors.Join(err, n.kill(ctx))
	}
	if _, err := write.Write([]byte{1}); err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	if err := first.Process.Release(); err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	return nil
}

// first is the first process, which is not bound to a context: it is to outlive
// this one. On the pipe it is told to go on.
func (n Node) first(pipe *os.File) *exec.Cmd {
	command := exec.Command(self, InitCommand, n.path(planFile))
	command.Args[0] = filepath.Base(n.Dir)
	command.ExtraFiles = []*os.File{pipe}
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Setsid:     true,
	}
	return command
}

// addLink gives the machine an address in the node's network. The kernel takes
// the link away with that network.
func (n Node) addLink(ctx context.Context, pid int) error {
	for _, command := range [][]string{
		{"link", "add", n.Link, "type", "veth", "peer", "name", linkPeer, "netns", strconv.Itoa(pid)},
		{"address", "add", n.Machine, "dev", n.Link},
		{"link", "set", n.Link, "up"},
	} {
		if out, err := exec.CommandContext(ctx, "ip", command...).CombinedOutput(); err != nil {
			return fmt.Errorf("linking the node to the machine: ip %s: %w: %s",
				strings.Join(command, " "), err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// write writes files, and the plan last.
func (n Node) write(planned plan, parts ...files) error {
	for _, dir := range []string{"log/pods", "registry", "kubelet", "etcd", "containerd"} {
		if err := os.MkdirAll(n.path(dir), 0o700); err != nil {
			return fmt.Errorf("preparing the node: %w", err)
		}
	}
	content, err := planned.encode()
	if err != nil {
		return err
	}
	for _, part := range append(parts, files{planFile: content}) {
		for path, content := range part {
			path = n.path(path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return fmt.Errorf("preparing the node: %w", err)
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				return fmt.Errorf("preparing the node: %w", err)
			}
		}
	}
	return nil
}
