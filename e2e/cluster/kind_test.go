package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/cluster/node"
)

// A container engine that answers and then cannot do it is what a machine
// without a network has.
func TestAClusterOfKindThatCannotBeMadeLeavesNothing(t *testing.T) {
	c, calls := withKindThat(t, "create) exit 1;;")
	if created, err := c.tryKind(t.Context(), false); err != nil || created {
		t.Errorf("created: %t, %v", created, err)
	}
	if _, err := c.tryKind(t.Context(), true); err == nil || !strings.Contains(err.Error(), "creating a cluster with kind") {
		t.Errorf("where it must be one of kind: %v", err)
	}
	if c.kind.exists() {
		t.Error("its directory is left")
	}
	assertCalls(t, calls,
		"go mod download -json sigs.k8s.io/kind@v0.33.0", "go build -v -o ",
		"docker get clusters", "docker create cluster --name keda-trust --kubeconfig ", "docker delete cluster --name keda-trust --kubeconfig ",
		"docker get clusters", "docker create cluster --name keda-trust --kubeconfig ", "docker delete cluster --name keda-trust --kubeconfig ")
}

func TestAClusterOfKindThatAnswersIsLeftAsItIs(t *testing.T) {
	c, calls := withKindThat(t, "create|delete) exit 1;;")
	mustMakeDir(t, c.kind.dir)
	if created, err := c.tryKind(t.Context(), false); err != nil || !created {
		t.Errorf("there: %t, %v", created, err)
	}
	assertCalls(t, calls, "go mod ", "go build ", "docker get kubeconfig --name keda-trust")
}

func TestAClusterOfKindThatABootHasStoppedIsReplaced(t *testing.T) {
	c, calls := withKindThat(t, `get) [ "$2" = clusters ];;`)
	mustMakeDir(t, c.kind.dir)
	if created, err := c.tryKind(t.Context(), false); err != nil || !created || !c.kind.exists() {
		t.Errorf("created: %t, %v", created, err)
	}
	assertCalls(t, calls, "go mod ", "go build ", "docker get kubeconfig ", "docker delete cluster ", "docker get clusters", "docker create cluster ")
}

func TestAClusterOfKindOfSomebodyElsesIsNotTakenForOurs(t *testing.T) {
	c, calls := withKindThat(t, "get) echo keda-trust;;")
	if _, err := c.tryKind(t.Context(), true); err == nil || !strings.Contains(err.Error(), "was not made here") {
		t.Errorf("got %v", err)
	}
	if c.kind.exists() {
		t.Error("it counts as ours")
	}
	assertCalls(t, calls, "go mod ", "go build ", "docker get clusters")
}

func TestNoNodeIsStartedWhereAClusterOfKindMayBeLeft(t *testing.T) {
	c, _ := withKindThat(t, "create|delete) exit 1;;")
	if _, err := c.tryKind(t.Context(), false); err == nil || !strings.Contains(err.Error(), "removing the cluster of kind") {
		t.Errorf("got %v", err)
	}
	if with, err := c.choose(withAuto); err != nil || with != withKind {
		t.Errorf("the next call takes %s, %v", with, err)
	}
}

func TestAClientWithoutItsDaemonIsNoEngine(t *testing.T) {
	tools := t.TempDir()
	writeScript(t, filepath.Join(tools, "docker"), "exit 1")
	t.Setenv("PATH", tools)
	if found, ok := engine(t.Context()); ok {
		t.Errorf("found %s", found)
	}
	writeScript(t, filepath.Join(tools, "podman"), "exit 0")
	if found, ok := engine(t.Context()); !ok || found != "podman" {
		t.Errorf("found %q, %t", found, ok)
	}
}

// withKindThat returns a cluster of a docker that does what it is told, and of a
// kind that does so but for some cases of its first argument. What is called, go
// included, is listed in the file calls.
func withKindThat(t *testing.T, cases string) (c cluster, calls string) {
	t.Helper()
	tools := t.TempDir()
	calls = filepath.Join(tools, "calls")
	module := filepath.Join(tools, "module")
	mustMakeDir(t, module)
	for name, content := range map[string]string{"go.mod": "module sigs.k8s.io/kind\n", "go.sum": ""} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	writeScript(t, filepath.Join(tools, "docker"), "exit 0")
	writeScript(t, filepath.Join(tools, "kind"), `echo "$KIND_EXPERIMENTAL_PROVIDER $@" >>`+calls+`; case "$1" in `+cases+` esac`)
	writeScript(t, filepath.Join(tools, "go"), `case "$1" in
mod) echo '{"Dir": "`+module+`"}';;
build) cp `+filepath.Join(tools, "kind")+` "$4";;
*) exit 1;;
esac
echo "go $@" >>`+calls)
	t.Setenv("PATH", tools+":/usr/bin:/bin")
	return ofKind(gobuild.Cache{Dir: filepath.Join(t.TempDir(), "assets"), Tell: t.Logf}), calls
}

// ofKind has a node that is not there, whatever runs on this machine.
func ofKind(cache gobuild.Cache) cluster {
	none := node.Node{Dir: filepath.Join(cache.Dir, "none"), Link: "kt-none", Cgroup: "kt-none"}
	return cluster{cache: cache, node: none, kind: newKind(1, cache)}
}

func assertCalls(t *testing.T, path string, beginnings ...string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	if !slices.EqualFunc(lines, beginnings, strings.HasPrefix) {
		t.Errorf("calls:\n%swant:\n%s", content, strings.Join(beginnings, "\n"))
	}
}

func mustMakeDir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func writeScript(t *testing.T, path, body string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}
