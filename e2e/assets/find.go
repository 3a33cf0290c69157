package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/assets/kubernetes"
)

// Values of --source.
const (
	sourceAuto     = "auto"
	sourceDownload = "download"
	sourceBuild    = "build"
)

const environmentVariable = "KUBEBUILDER_ASSETS"

// binaries are what any directory must hold to be an answer.
var binaries = []string{kubernetes.APIServer, "etcd"}

// finder is one call's question.
type finder struct {
	release           kubernetes.Release
	explicit          bool   // somebody asked for this release by name
	source            string // one of the source constants
	cache             gobuild.Cache
	controllerManager bool // the directory must hold kube-controller-manager, too
}

func newFinder(cache gobuild.Cache, minor, source string) (finder, error) {
	switch source {
	case sourceAuto, sourceDownload, sourceBuild:
	default:
		return finder{}, fmt.Errorf("choosing --source %q: not one of auto, download, build", source)
	}
	asked := minor
	if asked == "" {
		asked = kubernetes.DefaultMinor
	}
	chosen, err := kubernetes.ParseRelease(asked)
	if err != nil {
		return finder{}, err
	}
	return finder{release: chosen, explicit: minor != "", source: source, cache: cache}, nil
}

// wanted are the binaries that were asked for.
func (f finder) wanted() []string {
	if f.controllerManager {
		return append(slices.Clone(binaries), kubernetes.ControllerManager)
	}
	return binaries
}

// find returns a directory with all binaries.
func (f finder) find(ctx context.Context) (string, error) {
	if dir := os.Getenv(environmentVariable); dir != "" {
		return f.fromEnvironment(ctx, dir)
	}
	server, err := f.findServer(ctx)
	if err != nil || !f.controllerManager {
		return server, err
	}
	return f.addControllerManager(ctx, server)
}

// findServer returns a directory with kube-apiserver and etcd.
func (f finder) findServer(ctx context.Context) (string, error) {
	if dir, ok := f.fromCache(); ok {
		return dir, nil
	}
	if f.source == sourceBuild {
		return f.build(ctx)
	}
	dir, err := f.download(ctx)
	switch {
	case err == nil:
		tell("downloaded Kubernetes %s to %s", f.release.Minor, dir)
		return dir, nil
	case f.source == sourceDownload, ctx.Err() != nil:
		return "", err
	}
	tell("%v; building instead", err)
	return f.build(ctx)
}

// fromEnvironment trusts the directory that the user named, but not blindly: a
// test run against another Kubernetes than the one that was asked for would
// prove nothing.
func (f finder) fromEnvironment(ctx context.Context, dir string) (string, error) {
	if err := gobuild.Complete(dir, f.wanted()); err != nil {
		return "", fmt.Errorf("using %s=%s: %w", environmentVariable, dir, err)
	}
	if f.explicit {
		out, err := exec.CommandContext(ctx, filepath.Join(dir, kubernetes.APIServer), "--version").Output()
		if err != nil {
			return "", fmt.Errorf("asking %s/kube-apiserver for its version: %w", dir, err)
		}
		version := strings.TrimSpace(string(out))
		if !strings.HasPrefix(version, "Kubernetes v"+f.release.Minor+".") {
			return "", fmt.Errorf("using %s=%s: it holds %q, but %s was asked for; unset one of the two",
				environmentVariable, dir, version, f.release.Minor)
		}
	}
	tell("using %s=%s", environmentVariable, dir)
	return filepath.Abs(dir)
}

// fromCache returns what an earlier call has built or downloaded.
func (f finder) fromCache() (string, bool) {
	if dir := f.builtDir(); f.source != sourceDownload && gobuild.Complete(dir, binaries) == nil {
		return dir, true
	}
	if f.source == sourceBuild {
		return "", false
	}
	downloaded, err := filepath.Glob(filepath.Join(f.downloads(), "k8s", f.release.Minor+".*-"+runtime.GOOS+"-"+runtime.GOARCH))
	if err != nil {
		return "", false // a cache whose own path is no pattern can only miss
	}
	for _, dir := range downloaded {
		if gobuild.Complete(dir, binaries) == nil {
			return dir, true
		}
	}
	return "", false
}
