package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// build compiles both binaries into the cache and returns their directory.
func (f finder) build(ctx context.Context) (string, error) {
	dir := f.builtDir()
	start := time.Now()
	err := locked(ctx, dir, binaries, func(partial string) error {
		tell("building kube-apiserver %s and etcd %s from their Go modules for %s", f.release.patch, etcdVersion, dir)
		tell("this takes 5 to 8 minutes on two cores, half a minute where Go's build cache has it, and is done once")
		if err := f.buildKubernetes(ctx, partial, "kube-apiserver"); err != nil {
			return fmt.Errorf("building kube-apiserver %s: %w", f.release.patch, err)
		}
		if err := buildEtcd(ctx, partial); err != nil {
			return fmt.Errorf("building etcd %s: %w", etcdVersion, err)
		}
		return os.RemoveAll(filepath.Join(partial, "module"))
	})
	if err != nil {
		return "", err
	}
	tell("ready after %s", time.Since(start).Round(time.Second))
	return dir, nil
}

// addControllerManager returns a directory with what server holds and with a
// kube-controller-manager, which no download has.
func (f finder) addControllerManager(ctx context.Context, server string) (string, error) {
	dir := f.controllerManagerDir(server)
	if complete(dir, f.wanted()) == nil {
		return dir, nil
	}
	start := time.Now()
	err := locked(ctx, dir, f.wanted(), func(partial string) error {
		tell("building %s %s from its Go module for %s", controllerManager, f.release.patch, dir)
		tell("this takes as long as building kube-apiserver, 2 minutes where that was built here")
		if err := f.buildKubernetes(ctx, partial, controllerManager); err != nil {
			return fmt.Errorf("building %s %s: %w", controllerManager, f.release.patch, err)
		}
		return errors.Join(linkServer(server, partial), os.RemoveAll(filepath.Join(partial, "module")))
	})
	if err != nil {
		return "", err
	}
	tell("ready after %s", time.Since(start).Round(time.Second))
	return dir, nil
}

// linkServer makes a directory hold what server holds.
func linkServer(server, into string) error {
	for _, name := range binaries {
		if err := os.Symlink(filepath.Join(server, name), filepath.Join(into, name)); err != nil {
			return fmt.Errorf("linking %s: %w", name, err)
		}
	}
	return nil
}

// buildKubernetes compiles one of the commands of k8s.io/kubernetes.
func (f finder) buildKubernetes(ctx context.Context, into, command string) error {
	source, err := fetch(ctx, kubernetesModule, f.release.patch)
	if err != nil {
		return err
	}
	gomod, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return fmt.Errorf("reading the module: %w", err)
	}
	derived, err := deriveKubernetes(gomod, f.release)
	if err != nil {
		return err
	}
	workspace, err := newWorkspace(into, derived, source)
	if err != nil {
		return err
	}
	return workspace.compile(ctx, filepath.Join(into, command),
		append(compileFlags(f.release), kubernetesModule+"/cmd/"+command)...)
}

func buildEtcd(ctx context.Context, into string) error {
	source, err := fetch(ctx, etcdModule, etcdVersion)
	if err != nil {
		return err
	}
	workspace, err := newWorkspace(into, deriveEtcd(), source)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(string(workspace), "main.go"), []byte(etcdMain), 0o644); err != nil {
		return fmt.Errorf("writing main.go: %w", err)
	}
	return workspace.compile(ctx, filepath.Join(into, "etcd"), "-ldflags=-s -w", ".")
}

// compileFlags make a command say which Kubernetes it is, which a build
// outside of its repository otherwise does not know. They only change the
// linking, so the compiled packages are shared with any other build.
func compileFlags(r release) []string {
	const version = "k8s.io/component-base/version"
	ldflags := fmt.Sprintf("-s -w -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=1 -X %[1]s.gitMinor=%[3]s -X %[1]s.gitTreeState=clean",
		version, r.patch, r.number())
	return []string{"-ldflags=" + ldflags}
}

// fetch downloads a module, checked against the checksum database, and returns
// its directory in the module cache.
func fetch(ctx context.Context, path, version string) (string, error) {
	tell("fetching %s %s", path, version)
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", path+"@"+version)
	download.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := download.Output()
	var answer struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &answer); jsonErr == nil && answer.Error != "" {
		return "", fmt.Errorf("fetching %s %s: %s", path, version, answer.Error)
	}
	if err != nil {
		return "", fmt.Errorf("fetching %s %s: %w", path, version, explain(err))
	}
	if answer.Dir == "" {
		return "", fmt.Errorf("fetching %s %s: go mod download named no directory", path, version)
	}
	return answer.Dir, nil
}
