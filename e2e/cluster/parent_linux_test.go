package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
)

// What the test's own program does, as a process of its own, by its first
// argument.
const (
	upCase    = "case-up"    // be the command that starts a cluster
	boundCase = "case-bound" // end with its parent, and have a child that does askCase
	askCase   = "case-ask"   // say by which signal
)

func TestMain(m *testing.M) {
	cases := map[string]func() error{upCase: startCluster, boundCase: askTwice, askCase: ask}
	if len(os.Args) != 2 || cases[os.Args[1]] == nil {
		os.Exit(m.Run())
	}
	if err := cases[os.Args[1]](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func startCluster() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cache, err := gobuild.OpenCache(tell)
	if err != nil {
		return err
	}
	return upCommand(ctx, []cluster{ofKind(cache)}, []string{"--with", withKind})
}

func askTwice() error {
	if err := endWithParent(); err != nil {
		return err
	}
	if err := ask(); err != nil {
		return err
	}
	child := exec.Command(os.Args[0], askCase)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	return child.Run()
}

func ask() error {
	var number int32
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&number)), 0)
	if errno != 0 {
		return errno
	}
	fmt.Println(number)
	return nil
}

// As a recipe of make does: KUBECONFIG=$(bin/cluster up).
func TestUpEndsWithTheShellThatCalledItAndTakesAwayWhatItBegan(t *testing.T) {
	c, calls := withKindThat(t, "create) echo creating >&2; exec sleep 1000;;")
	t.Setenv(gobuild.CacheVariable, c.cache.Dir)
	said, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	shell := exec.Command("/bin/sh", "-c", `got=$("$0" "$1"); exit 1`, os.Args[0], upCase)
	shell.Stderr = write
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }) // if anything is left
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if err := said.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(said)
	for line := ""; line != "creating\n"; {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("waiting for kind: %v", err)
		}
	}
	if err := shell.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := shell.Wait(); err == nil {
		t.Error("the shell has not noticed")
	}
	if rest, err := io.ReadAll(lines); err != nil { // its end is that of up
		t.Fatalf("up goes on: %v\n%s", err, rest)
	}
	assertCalls(t, calls, "go mod ", "go build ", "docker get clusters", "docker create cluster ", "docker delete cluster ")
	if c.kind.exists() {
		t.Error("its directory is left")
	}
}

func TestWhatIsStartedOutlivesUp(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), os.Args[0], boundCase).CombinedOutput()
	if err != nil || string(out) != "15\n0\n" {
		t.Errorf("it and what it started end by signals %q, %v", out, err)
	}
}
