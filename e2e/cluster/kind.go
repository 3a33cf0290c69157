package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/cluster/image"
)

// kindProgram is built, and not run by go run, which does not pass a signal on.
var kindProgram = gobuild.Program{Name: "kind", Module: "sigs.k8s.io/kind", Version: "v0.33.0", Takes: "1 to 2 minutes"}

// engines are the container engines that kind knows, by their client.
var engines = []string{"docker", "podman"}

// kind is a cluster in a container.
type kind struct {
	name  string
	dir   string // there while there may be such a cluster; holds its kubeconfig
	cache gobuild.Cache
}

// newKind is one of several, from 1 on. Its directory is among the assets, where
// nobody else has one.
func newKind(number int, cache gobuild.Cache) kind {
	suffix := ""
	if number > 1 {
		suffix = fmt.Sprintf("-%d", number)
	}
	return kind{name: "keda-trust" + suffix, dir: filepath.Join(cache.Dir, "cluster-of-kind"+suffix), cache: cache}
}

func (k kind) kubeconfig() string { return filepath.Join(k.dir, "admin.conf") }

// engine returns the first container engine that answers. A client without its
// daemon is as good as none.
func engine(ctx context.Context) (string, bool) {
	for _, client := range engines {
		if _, err := exec.LookPath(client); err != nil {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := exec.CommandContext(bounded, client, "info").Run()
		cancel()
		if err == nil {
			return client, true
		}
	}
	return "", false
}

// exists tells whether there was a call of up without one of down.
func (k kind) exists() bool {
	_, err := os.Stat(k.dir)
	return err == nil
}

// up leaves a cluster that answers as it is, and replaces one that does not: a
// boot of the machine stops its container, beside which kind creates none.
func (k kind) up(ctx context.Context, engine string) error {
	if _, err := k.cache.Build(ctx, kindProgram); err != nil {
		return err // before there is anything to remove
	}
	if k.exists() {
		if k.run(ctx, engine, "get", "kubeconfig", "--name", k.name) == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		tell("the cluster of kind does not answer and is replaced")
		if err := k.down(ctx); err != nil {
			return err
		}
	}
	if err := k.free(ctx, engine); err != nil {
		return err
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return fmt.Errorf("preparing kind: %w", err)
	}
	tell("creating a cluster with %s in %s", kindProgram, engine)
	err := k.run(ctx, engine, "create", "cluster", "--name", k.name, "--kubeconfig", k.kubeconfig(), "--wait", "5m")
	if err != nil {
		return errors.Join(fmt.Errorf("creating a cluster with kind: %w", err), k.cleanUp(ctx))
	}
	return nil
}

// free refuses a name that a cluster of somebody else's has: it could not be made, and
// would be taken away for that.
func (k kind) free(ctx context.Context, engine string) error {
	command, err := k.command(ctx, engine, "get", "clusters")
	if err != nil {
		return err
	}
	names, err := command.Output()
	if err != nil {
		return fmt.Errorf("listing the clusters of kind: %w", err)
	}
	if slices.Contains(strings.Fields(string(names)), k.name) {
		return fmt.Errorf("creating a cluster with kind: there is one named %s that was not made here; if nobody needs it: kind delete cluster --name %s", k.name, k.name)
	}
	return nil
}

// cleanUp is down where ctx may have ended.
func (k kind) cleanUp(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	return k.down(bounded)
}

func (k kind) down(ctx context.Context) error {
	if !k.exists() {
		return nil
	}
	found, ok := engine(ctx)
	if !ok {
		return errors.New("removing the cluster of kind: its container engine does not answer")
	}
	if err := k.run(ctx, found, "delete", "cluster", "--name", k.name, "--kubeconfig", k.kubeconfig()); err != nil {
		return fmt.Errorf("removing the cluster of kind: %w", err)
	}
	if err := os.RemoveAll(k.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the cluster of kind: %w", err)
	}
	return nil
}

// load gives the node an image as it would one of docker's.
func (k kind) load(ctx context.Context, spec image.Spec) error {
	found, ok := engine(ctx)
	if !ok {
		return errors.New("loading an image: the container engine of kind does not answer")
	}
	dir, err := os.MkdirTemp("", "keda-trust-image-")
	if err != nil {
		return fmt.Errorf("loading an image: %w", err)
	}
	defer os.RemoveAll(dir)
	archive := filepath.Join(dir, "image.tar")
	if err := spec.WriteArchive(archive); err != nil {
		return err
	}
	if err := k.run(ctx, found, "load", "image-archive", archive, "--name", k.name); err != nil {
		return fmt.Errorf("loading %s: %w", spec.Name, err)
	}
	return nil
}

// run has kind say what it does on standard error only.
func (k kind) run(ctx context.Context, engine string, args ...string) error {
	command, err := k.command(ctx, engine, args...)
	if err != nil {
		return err
	}
	return command.Run()
}

func (k kind) command(ctx context.Context, engine string, args ...string) (*exec.Cmd, error) {
	program, err := k.cache.Build(ctx, kindProgram)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, program, args...)
	command.Env = append(os.Environ(), "KIND_EXPERIMENTAL_PROVIDER="+engine)
	command.Stderr = os.Stderr
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = time.Minute
	return command, nil
}
