package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// endWithParent has the kernel send SIGTERM when the process that has started
// this one ends. The kernel remembers it for one thread, so the caller keeps its
// own from here on; and not for processes that are started, so a node goes on.
func endWithParent() error {
	parent := os.Getppid()
	runtime.LockOSThread()
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0)
	if errno != 0 {
		return fmt.Errorf("asking to end with the calling process: %w", errno)
	}
	if os.Getppid() != parent {
		return errors.New("asking to end with the calling process: it has ended already")
	}
	return nil
}
