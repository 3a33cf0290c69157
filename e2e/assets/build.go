package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/assets/kubernetes"
)

// built are the programs that a directory without any download consists of.
func (f finder) built() []gobuild.Program {
	return []gobuild.Program{f.release.Program(kubernetes.APIServer), kubernetes.Etcd()}
}

// build compiles kube-apiserver and etcd and returns a directory with both.
func (f finder) build(ctx context.Context) (string, error) {
	var paths []string
	for _, program := range f.built() {
		path, err := f.cache.Build(ctx, program)
		if err != nil {
			return "", err
		}
		paths = append(paths, path)
	}
	return f.gather(ctx, paths)
}

// addControllerManager returns a directory with what server holds and with a
// kube-controller-manager, which no download has.
func (f finder) addControllerManager(ctx context.Context, server string) (string, error) {
	manager, err := f.cache.Build(ctx, f.release.Program(kubernetes.ControllerManager))
	if err != nil {
		return "", err
	}
	return f.gather(ctx, append(inside(server), manager))
}

// inside are the paths of kube-apiserver and etcd in a directory.
func inside(server string) []string {
	var paths []string
	for _, name := range binaries {
		paths = append(paths, filepath.Join(server, name))
	}
	return paths
}

// gather returns a directory that holds links to programs, as envtest wants
// them: in one place.
func (f finder) gather(ctx context.Context, paths []string) (string, error) {
	var names []string
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return f.cache.Fill(ctx, f.gathered(paths), names, func(partial string) error {
		for i, path := range paths {
			if err := os.Symlink(path, filepath.Join(partial, names[i])); err != nil {
				return fmt.Errorf("linking %s: %w", names[i], err)
			}
		}
		return gobuild.Complete(partial, names)
	})
}

// gathered names a directory after what its links point at.
func (f finder) gathered(paths []string) string {
	sum := sha256.Sum256([]byte(strings.Join(paths, "\x00")))
	return fmt.Sprintf("kubernetes-%s-%s-%s-%x", f.release.Patch, runtime.GOOS, runtime.GOARCH, sum[:6])
}

// builtDir is where build leaves its result.
func (f finder) builtDir() string {
	var paths []string
	for _, program := range f.built() {
		paths = append(paths, f.cache.Path(program))
	}
	return filepath.Join(f.cache.Dir, f.gathered(paths))
}
