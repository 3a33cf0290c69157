package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Values of --source.
const (
	sourceAuto     = "auto"
	sourceDownload = "download"
	sourceBuild    = "build"
)

const environmentVariable = "KUBEBUILDER_ASSETS"

// binaries are what any directory must hold to be an answer.
var binaries = []string{"kube-apiserver", "etcd"}

const controllerManager = "kube-controller-manager"

// finder is one call's question.
type finder struct {
	release           release
	explicit          bool   // somebody asked for this release by name
	source            string // one of the source constants
	cache             string // where results are kept
	controllerManager bool   // the directory must hold kube-controller-manager, too
}

func newFinder(cache, kubernetes, source string) (finder, error) {
	switch source {
	case sourceAuto, sourceDownload, sourceBuild:
	default:
		return finder{}, fmt.Errorf("choosing --source %q: not one of auto, download, build", source)
	}
	asked := kubernetes
	if asked == "" {
		asked = defaultMinor
	}
	chosen, err := parseRelease(asked)
	if err != nil {
		return finder{}, err
	}
	return finder{release: chosen, explicit: kubernetes != "", source: source, cache: cache}, nil
}

// wanted are the binaries that were asked for.
func (f finder) wanted() []string {
	if f.controllerManager {
		return append(slices.Clone(binaries), controllerManager)
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
		tell("downloaded Kubernetes %s to %s", f.release.minor, dir)
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
	if err := complete(dir, f.wanted()); err != nil {
		return "", fmt.Errorf("using %s=%s: %w", environmentVariable, dir, err)
	}
	if f.explicit {
		out, err := exec.CommandContext(ctx, filepath.Join(dir, "kube-apiserver"), "--version").Output()
		if err != nil {
			return "", fmt.Errorf("asking %s/kube-apiserver for its version: %w", dir, err)
		}
		version := strings.TrimSpace(string(out))
		if !strings.HasPrefix(version, "Kubernetes v"+f.release.minor+".") {
			return "", fmt.Errorf("using %s=%s: it holds %q, but %s was asked for; unset one of the two",
				environmentVariable, dir, version, f.release.minor)
		}
	}
	tell("using %s=%s", environmentVariable, dir)
	return filepath.Abs(dir)
}

// complete tells which of these binaries a directory lacks.
func complete(dir string, names []string) error {
	var faults []error
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("looking for %s: %w", name, err))
		case info.IsDir() || info.Mode()&0o111 == 0:
			faults = append(faults, fmt.Errorf("looking for %s: not an executable file", name))
		}
	}
	return errors.Join(faults...)
}
