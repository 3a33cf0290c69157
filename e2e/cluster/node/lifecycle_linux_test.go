package node

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The test's own program is the node's first process here, as the command is in
// real life.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == InitCommand {
		if err := Init(context.Background(), os.Args[2]); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestANodeIsGoneWithoutATrace(t *testing.T) {
	n := launchSleepers(t)
	if running, err := n.Running(); err != nil || !running {
		t.Fatalf("running: %t, %v", running, err)
	}
	for range 2 { // a second call finds nothing to do
		if err := n.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	assertNothingLeft(t, n)
}

func TestANodeIsGoneAlsoWhereItsDirectoryWasRemovedBefore(t *testing.T) {
	n := launchSleepers(t)
	if err := os.RemoveAll(n.Dir); err != nil {
		t.Fatal(err)
	}
	if err := n.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	assertNothingLeft(t, n)
}

func TestANodeIsGoneAlsoWhereItsFirstProcessWasKilled(t *testing.T) {
	n := launchSleepers(t)
	if err := n.kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := marked(t, n); len(left) > 0 {
		t.Errorf("outlived the first process: %v", left)
	}
	if there, err := n.Exists(); err != nil || !there {
		t.Errorf("the rest is not seen: %t, %v", there, err)
	}
	if err := n.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	assertNothingLeft(t, n)
}

func TestWhoeverStartsANodeAndDiesLeavesNone(t *testing.T) {
	n := freshNode(t)
	if err := n.write(sleepers(t, n)); err != nil {
		t.Fatal(err)
	}
	// As launch does, but without a word after the start.
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	first := n.first(read)
	if err := errors.Join(first.Start(), read.Close(), write.Close()); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err == nil {
		t.Error("it went on by itself")
	}
	if left := marked(t, n); len(left) > 0 {
		t.Errorf("started: %v", left)
	}
}

func TestWhatEndsByItselfIsTold(t *testing.T) {
	n := freshNode(t)
	planned := sleepers(t, n)
	planned.Processes = append(planned.Processes, process{Name: "fleeting", Args: []string{"/bin/sh", "-c", "echo broken >&2; exit 3"}, Log: n.log("fleeting")})
	mustLaunch(t, n, planned)
	err := until(t.Context(), time.Minute, "waiting", func() (bool, error) { return n.healthy() != nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"fleeting ended with exit code 3", "broken", "make cluster-down"} {
		if err := n.healthy(); !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in %q", part, err)
		}
	}
}

func TestAMachineSeesNothingOfANodesMounts(t *testing.T) {
	n := freshNode(t)
	before := mustRead(t, "/proc/self/mountinfo")
	planned := sleepers(t, n)
	seen := n.path("seen")
	planned.Processes = append(planned.Processes, process{
		Name: "look", Args: []string{"/bin/sh", "-c", "cat /proc/sys/kernel/panic; touch /run/mine /var/lib/mine; ls /var/log; : >" + seen}, Log: n.log("look"),
	})
	mustLaunch(t, n, planned)
	err := until(t.Context(), time.Minute, "waiting", func() (bool, error) {
		_, err := os.Stat(seen)
		return err == nil, ignoreGone(err)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := mustRead(t, n.log("look")); got != "4711\n" {
		t.Errorf("inside, kernel.panic and /var/log are %q", got)
	}
	if after := mustRead(t, "/proc/self/mountinfo"); after != before {
		t.Errorf("mounts before:\n%s\nand after:\n%s", before, after)
	}
	for _, path := range []string{"/run/mine", "/var/lib/mine"} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s came out: %v", path, err)
		}
	}
}

func launchSleepers(t *testing.T) Node {
	t.Helper()
	n := freshNode(t)
	mustLaunch(t, n, sleepers(t, n))
	return n
}

// freshNode does not disturb a real one: all that it occupies has other names.
func freshNode(t *testing.T) Node {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip, of iproute2, is missing")
	}
	process := strconv.Itoa(os.Getpid())
	n := Node{
		Dir:     t.TempDir(),
		Link:    "kt" + process,
		Machine: "192.0.2.1/32",
		Cgroup:  "keda-trust-test-" + process,
		Tell:    t.Logf,
	}
	t.Cleanup(func() {
		if err := n.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// sleepers is a node whose programs do nothing. One leaves a child behind that
// has nothing to do with it any more, as containerd does its shims.
func sleepers(t *testing.T, n Node) plan {
	t.Helper()
	cgroups, err := n.cgroups()
	if err != nil {
		t.Fatal(err)
	}
	sleep := "exec sleep 1000 " + marker(n)
	return plan{
		Ended:    n.path(endedFile),
		Root:     n.Dir,
		Hide:     []string{"/run", "/var/lib", "/var/log"},
		Pins:     map[string]string{"/proc/sys/kernel/panic": n.path("panic")},
		Cgroups:  cgroups,
		Commands: [][]string{{"ip", "link", "set", "lo", "up"}},
		Env:      []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
		Processes: []process{
			{Name: "first", Args: []string{"/bin/sh", "-c", sleep}, Log: n.log("first")},
			{Name: "second", Args: []string{"/bin/sh", "-c", "setsid sleep 1000 " + marker(n) + " & " + sleep}, Log: n.log("second")},
		},
	}
}

// marker is something to recognise a process by: sleep adds its arguments up.
func marker(n Node) string { return "0." + strings.TrimPrefix(n.Link, "kt") }

func mustLaunch(t *testing.T, n Node, planned plan) {
	t.Helper()
	if err := n.write(planned, files{"panic": []byte("4711\n")}); err != nil {
		t.Fatal(err)
	}
	if err := n.launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := until(t.Context(), time.Minute, "waiting for the processes", func() (bool, error) {
		return len(marked(t, n)) == 3, nil
	})
	if err != nil {
		t.Fatalf("%v: %s", err, mustRead(t, n.log(InitCommand)))
	}
}

// marked lists the processes of a node, as the machine sees them.
func marked(t *testing.T, n Node) []string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, path := range paths {
		// A process that has ended since is no match.
		if content, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(content), "sleep\x001000\x00"+marker(n)) {
			found = append(found, path)
		}
	}
	return found
}

func assertNothingLeft(t *testing.T, n Node) {
	t.Helper()
	if there, err := n.Exists(); err != nil || there {
		t.Errorf("something is there: %t, %v", there, err)
	}
	if left := marked(t, n); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	for _, path := range []string{n.Dir, n.linkDir()} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
