package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
)

const (
	// networkBound is how long the list of releases may take. Without a route
	// the answer comes at once; this is for firewalls that drop packets.
	networkBound = 20 * time.Second
	// downloadBound is for about 60 MB.
	downloadBound = 10 * time.Minute
)

// downloads is the store that setup-envtest manages; it needs no lock of ours,
// for it writes a release to a temporary place first.
func (f finder) downloads() string {
	return filepath.Join(f.cache.Dir, "envtest")
}

// download lets setup-envtest fetch the newest patch of the minor.
func (f finder) download(ctx context.Context) (string, error) {
	tell("asking setup-envtest for Kubernetes %s", f.release.Minor)
	if _, err := f.setupEnvtest(ctx, downloadBound, "version"); err != nil {
		return "", fmt.Errorf("compiling setup-envtest: %w", err)
	}
	if _, err := f.setupEnvtest(ctx, networkBound, "list", f.release.Minor+".x"); err != nil {
		return "", fmt.Errorf("listing Kubernetes releases: %w", err)
	}
	tell("downloading kube-apiserver and etcd, about 60 MB")
	dir, err := f.setupEnvtest(ctx, downloadBound, "use", f.release.Minor+".x", "--print", "path")
	if err != nil {
		return "", fmt.Errorf("downloading Kubernetes %s: %w", f.release.Minor, err)
	}
	if err := gobuild.Complete(dir, binaries); err != nil {
		return "", fmt.Errorf("downloading Kubernetes %s: %w", f.release.Minor, err)
	}
	return dir, nil
}

// setupEnvtest runs the tool that go.mod pins; it is found from this module's
// directory only, which is where go run -C has put this process.
func (f finder) setupEnvtest(ctx context.Context, bound time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	tool := exec.CommandContext(ctx, "go", append([]string{"tool", "setup-envtest", "--bin-dir", f.downloads()}, args...)...)
	out, err := tool.Output()
	if ctx.Err() != nil {
		return "", fmt.Errorf("no answer within %s", bound)
	}
	if err != nil {
		return "", gobuild.Explain(err)
	}
	return strings.TrimSpace(string(out)), nil
}
