package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// needs are the programs that are taken from the machine, and Debian's packages
// of them. Building them takes a C compiler.
var needs = []struct{ program, debian string }{{"ip", "iproute2"}, {"iptables", "iptables"}, {"runc", "runc"}}

// pluginsPackage is Debian's package of the CNI plugins.
const pluginsPackage = "containernetworking-plugins"

// pluginDirs is where distributions keep the CNI plugins.
var pluginDirs = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

// installPackages makes the machine have what needs says, and returns the
// directory of the CNI plugins.
func (n Node) installPackages(ctx context.Context) (plugins string, err error) {
	missing := missingPackages(exec.LookPath, findPlugins)
	if len(missing) > 0 {
		if _, err := exec.LookPath("apt-get"); err != nil {
			return "", fmt.Errorf("starting a node: install what Debian calls %s first", strings.Join(missing, ", "))
		}
		n.Tell("installing %s", strings.Join(missing, ", "))
		if err := install(ctx, missing); err != nil {
			return "", err
		}
	}
	return findPlugins()
}

func missingPackages(look func(string) (string, error), plugins func() (string, error)) []string {
	var missing []string
	for _, need := range needs {
		if _, err := look(need.program); err != nil {
			missing = append(missing, need.debian)
		}
	}
	if _, err := plugins(); err != nil {
		missing = append(missing, pluginsPackage)
	}
	return missing
}

func findPlugins() (string, error) {
	for _, dir := range pluginDirs {
		if _, err := os.Stat(filepath.Join(dir, "ptp")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("looking for the CNI plugins: no ptp in %s", strings.Join(pluginDirs, ", "))
}

// install asks for new lists of packages only where the ones there are do not
// serve: a machine may have none, or old ones.
func install(ctx context.Context, packages []string) error {
	first := aptGet(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...)
	if first == nil {
		return nil
	}
	if err := aptGet(ctx, "update"); err != nil {
		return errors.Join(first, err)
	}
	return aptGet(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...)
}

// aptGet waits while another process installs packages, such as another call's; but
// apt never waits for one that updates the lists. On SIGINT it stops after the step
// of dpkg that it is at; killed, it can leave packages half configured.
func aptGet(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, "apt-get", append([]string{"-o", "DPkg::Lock::Timeout=300"}, args...)...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Minute
	if out, err := command.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lines[len(lines)-1])
	}
	return nil
}
