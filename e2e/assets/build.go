package main

import (
	"context"
	"encoding/json"
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
	err := locked(ctx, dir, func(partial string) error {
		tell("building kube-apiserver %s and etcd %s from their Go modules for %s", f.release.patch, etcdVersion, dir)
		tell("this takes 5 to 8 minutes on two cores, half a minute where Go's build cache has it, and is done once")
		if err := f.buildAPIServer(ctx, partial); err != nil {
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

func (f finder) buildAPIServer(ctx context.Context, into string) error {
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
	return workspace.compile(ctx, filepath.Join(into, "kube-apiserver"),
		append(compileFlags(f.release), kubernetesModule+"/cmd/kube-apiserver")...)
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

// compileFlags make the API server say which Kubernetes it is, which a build
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
