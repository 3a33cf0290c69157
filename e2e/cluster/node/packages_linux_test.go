package node

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhatAMachineLacksIsNamedAsDebianDoes(t *testing.T) {
	none := func(string) (string, error) { return "", errors.New("not found") }
	all := func(name string) (string, error) { return "/usr/sbin/" + name, nil }
	noPlugins := func() (string, error) { return "", errors.New("not found") }
	plugins := func() (string, error) { return "/usr/lib/cni", nil }

	want := []string{"iproute2", "iptables", "runc", "containernetworking-plugins"}
	if got := missingPackages(none, noPlugins); !slices.Equal(got, want) {
		t.Errorf("an empty machine lacks %v, want %v", got, want)
	}
	if got := missingPackages(all, plugins); len(got) > 0 {
		t.Errorf("a machine that has all lacks %v", got)
	}
	if got := missingPackages(all, noPlugins); !slices.Equal(got, want[3:]) {
		t.Errorf("a machine without plugins lacks %v", got)
	}
}

// dpkg leaves a package half configured where it is killed.
func TestAnInterruptLetsPackagesBeFinished(t *testing.T) {
	dir := t.TempDir()
	seen := filepath.Join(dir, "seen")
	script := `#!/bin/sh
trap 'echo finished >>` + seen + `; exit 100' INT
echo "$@" >>` + seen + `
while :; do sleep 0.05; done
`
	if err := os.WriteFile(filepath.Join(dir, "apt-get"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	// As main does, for a shell cannot trap what is ignored from the start.
	ctx, interrupt := signal.NotifyContext(t.Context(), os.Interrupt)
	defer interrupt()
	ended := make(chan error, 1)
	go func() { ended <- aptGet(ctx, "install", "runc") }()
	err := until(t.Context(), time.Minute, "waiting for apt-get", func() (bool, error) {
		content, err := os.ReadFile(seen)
		return len(content) > 0, ignoreGone(err)
	})
	if err != nil {
		t.Fatal(err)
	}
	interrupt()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("got %v", err)
	}
	if got := mustRead(t, seen); got != "-o DPkg::Lock::Timeout=300 install runc\nfinished\n" {
		t.Errorf("apt-get saw %q", got)
	}
}
