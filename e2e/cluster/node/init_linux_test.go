package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestACgroupIsGrantedWhatItsParentHas(t *testing.T) {
	parent := t.TempDir()
	grants := filepath.Join(parent, "cgroup.subtree_control")
	for path, content := range map[string]string{filepath.Join(parent, "cgroup.controllers"): "pids\n", grants: ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := makeCgroup(filepath.Join(parent, "ours")); err != nil {
		t.Fatal(err)
	}
	if got := mustRead(t, grants); got != "+pids" {
		t.Errorf("granted %q", got)
	}
}

func TestACgroupThatMayNotGrantIsToldWhatItHas(t *testing.T) {
	busy := explainGrant("cpu", &fs.PathError{Op: "write", Path: "/sys/fs/cgroup/cgroup.subtree_control", Err: syscall.EBUSY})
	for _, part := range []string{"granting controller cpu", "/sys/fs/cgroup has processes of its own", "/sys/fs/cgroup/cgroup.procs", "docker"} {
		if !strings.Contains(busy.Error(), part) {
			t.Errorf("%q is missing in %q", part, busy)
		}
	}
	other := explainGrant("cpu", &fs.PathError{Op: "write", Path: "/x", Err: syscall.EACCES})
	if !errors.Is(other, syscall.EACCES) || strings.Contains(other.Error(), "processes") {
		t.Errorf("got %q", other)
	}
}
