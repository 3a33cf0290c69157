package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Init is the node's first process: it prepares the namespaces that it was
// started in and the programs of the plan, and stays. What it starts ends with
// it. It returns only if that cannot be done, or when ctx ends.
func Init(ctx context.Context, planPath string) error {
	content, err := os.ReadFile(planPath)
	if err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	var planned plan
	if err := json.Unmarshal(content, &planned); err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	if os.Getpid() != 1 {
		return errors.New("preparing the node: this is not the first process of a PID namespace")
	}
	if err := awaitLink(); err != nil {
		return err
	}
	if err := errors.Join(planned.mount(), planned.makeCgroups(), planned.connect(ctx)); err != nil {
		return err
	}
	return newSupervisor(planned).run(ctx)
}

// linkFile is the descriptor of a pipe on which something comes once the
// machine's end of the link is there.
const linkFile = 3

// awaitLink ends the node where who starts it has died before it was done.
func awaitLink() error {
	pipe := os.NewFile(linkFile, "pipe")
	defer pipe.Close()
	if _, err := io.ReadFull(pipe, make([]byte, 1)); err != nil {
		return fmt.Errorf("waiting for the link to the machine: %w", err)
	}
	return nil
}

// mount makes the file system what the programs expect.
func (p plan) mount() error {
	root, err := os.Open(p.Root)
	if err != nil {
		return fmt.Errorf("opening the node's directory: %w", err)
	}
	defer root.Close()
	// Nothing may reach the machine's own mounts from here.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("separating mounts: %w", err)
	}
	for _, dir := range p.Hide {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
			return fmt.Errorf("hiding %s: %w", dir, err)
		}
	}
	if err := os.MkdirAll(p.Root, 0o700); err != nil {
		return fmt.Errorf("showing %s again: %w", p.Root, err)
	}
	if err := syscall.Mount(fmt.Sprintf("/proc/self/fd/%d", root.Fd()), p.Root, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("showing %s again: %w", p.Root, err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	for path, file := range p.Pins {
		if err := syscall.Mount(file, path, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("replacing %s: %w", path, err)
		}
	}
	// A pod may ask for a mount that spreads to other pods.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return fmt.Errorf("sharing mounts among pods: %w", err)
	}
	return nil
}

func (p plan) makeCgroups() error {
	for _, dir := range p.Cgroups {
		if err := makeCgroup(dir); err != nil {
			return err
		}
	}
	return nil
}

// makeCgroup also lets the group have all controllers, which in a unified
// hierarchy its parent has to grant.
func makeCgroup(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("creating a cgroup: %w", err)
	}
	controllers, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "cgroup.controllers"))
	if errors.Is(err, os.ErrNotExist) {
		return nil // a hierarchy of version 1
	}
	if err != nil {
		return fmt.Errorf("looking for controllers: %w", err)
	}
	for controller := range strings.FieldsSeq(string(controllers)) {
		grant := filepath.Join(filepath.Dir(dir), "cgroup.subtree_control")
		if err := os.WriteFile(grant, []byte("+"+controller), 0); err != nil {
			return explainGrant(controller, err)
		}
	}
	return nil
}

// explainGrant says what a busy cgroup is: unless it is the machine's own root,
// it can have processes or grant controllers, and not both.
func explainGrant(controller string, err error) error {
	err = fmt.Errorf("granting controller %s: %w", controller, err)
	var failed *os.PathError
	if !errors.Is(err, syscall.EBUSY) || !errors.As(err, &failed) {
		return err
	}
	parent := filepath.Dir(failed.Path)
	return fmt.Errorf("%w: %s has processes of its own, as the root cgroup of a container does; "+
		"move all that %s names into a cgroup below it, or have docker or podman run",
		err, parent, filepath.Join(parent, "cgroup.procs"))
}

func (p plan) connect(ctx context.Context) error {
	for _, command := range p.Commands {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("setting up the network: %s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// supervisor starts processes and buries them, and what they leave behind: a
// container's shim outlives who started it.
type supervisor struct {
	plan  plan
	names map[int]string // of what it started, by PID
}

func newSupervisor(p plan) *supervisor {
	return &supervisor{plan: p, names: map[int]string{}}
}

func (s *supervisor) run(ctx context.Context) error {
	prober, err := newProber(s.plan.CA)
	if err != nil {
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for next := 0; ; {
		for next < len(s.plan.Processes) && (next == 0 || prober.answers(ctx, s.plan.Processes[next-1].Ready)) {
			if err := s.start(s.plan.Processes[next]); err != nil {
				return err
			}
			next++
		}
		if err := s.bury(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// start does not use os/exec, which would want to bury the process itself.
func (s *supervisor) start(p process) error {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	defer null.Close()
	pid, err := syscall.ForkExec(p.Args[0], p.Args, &syscall.ProcAttr{
		Dir:   "/",
		Env:   s.plan.Env,
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	s.names[pid] = p.Name
	return nil
}

// bury takes all that have ended, and tells of those that it started.
func (s *supervisor) bury() error {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if pid <= 0 || err != nil {
			return nil // none left, or none that has ended
		}
		name, ours := s.names[pid]
		if !ours {
			continue
		}
		delete(s.names, pid)
		if err := s.tellEnd(name, status); err != nil {
			return err
		}
	}
}

func (s *supervisor) tellEnd(name string, status syscall.WaitStatus) error {
	how := fmt.Sprintf("with exit code %d", status.ExitStatus())
	if status.Signaled() {
		how = "by signal " + status.Signal().String()
	}
	told, err := os.OpenFile(s.plan.Ended, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("telling that %s has ended: %w", name, err)
	}
	defer told.Close()
	if _, err := fmt.Fprintf(told, "%s ended %s\n", name, how); err != nil {
		return fmt.Errorf("telling that %s has ended: %w", name, err)
	}
	return nil
}
