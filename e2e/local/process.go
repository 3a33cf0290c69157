package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Process is a program that runs beside the API server.
type Process struct {
	name    string
	command *exec.Cmd
	exited  chan struct{} // closed when the process is gone
	err     error         // how it ended, once exited is closed
	log     string
}

// StartProcess starts a program whose output goes to a file, log. The name is
// for errors.
func StartProcess(name, log string, command *exec.Cmd) (*Process, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, fmt.Errorf("creating the log: %w", err)
	}
	defer file.Close() // the process has its own descriptor
	command.Stdout, command.Stderr = file, file
	// An interrupt from the terminal is for us, who stop what we started.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &Process{name: name, command: command, exited: make(chan struct{}), log: log}
	go func() {
		p.err = command.Wait()
		close(p.exited)
	}()
	return p, nil
}

// LastWords is the end of the log.
func (p *Process) LastWords() string {
	const enough = 4096
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-enough):])
}

// Exited is closed when the process is gone, whoever ended it.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// PID is for a look at the process from outside.
func (p *Process) PID() int { return p.command.Process.Pid }

// Kill ends the process without a word to it, and returns when it is gone.
func (p *Process) Kill() error {
	if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %s: %w", p.name, err)
	}
	<-p.exited
	return nil
}

// Stop asks the process to end, and makes it if it does not within its grace
// period.
func (p *Process) Stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping %s: %w", p.name, err)
	}
	select {
	case <-p.exited:
	case <-time.After(25 * time.Second):
		return errors.Join(fmt.Errorf("stopping %s: still there after 25s, killing it", p.name), p.command.Process.Kill())
	}
	return nil
}
