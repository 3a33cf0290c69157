package gobuild

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Program is all that decides what a build gives, besides Go itself, its
// settings and the platform.
type Program struct {
	Name    string // of the binary, "kubelet"
	Module  string // whose go.mod and go.sum it is built with; empty where Main needs the standard library only
	Version string // of Module, "v1.37.2"
	Package string // below Module, "/cmd/kubelet"; empty for its root and where there is a Main
	Main    string // source of a main package over the public packages of Module
	Linking string // flags of the linker besides -s -w; they cost no compilation
	// Staging is the version under which the modules are published that go.mod
	// of Module replaces by directories of its checkout, "v0.37.2". Without it
	// such replacements are dropped, and the versions that are required count.
	Staging string
	// Takes is what somebody who waits is told, "5 to 8 minutes on two cores".
	Takes string
}

func (p Program) String() string {
	return strings.TrimSpace(p.Name + " " + p.Version)
}

// key names a result of Go with these settings.
func (p Program) key(settings []string) string {
	recipe := []string{runtime.Version(), p.Module, p.Version, p.Package, p.Main, p.Linking, p.Staging}
	recipe = append(recipe, settings...)
	sum := sha256.Sum256([]byte(strings.Join(recipe, "\x00")))
	name := strings.ReplaceAll(p.String(), " ", "-")
	return fmt.Sprintf("%s-%s-%s-%x", name, runtime.GOOS, runtime.GOARCH, sum[:6])
}

// Path is where Build leaves the program.
func (c Cache) Path(p Program) string {
	return filepath.Join(c.Dir, p.key(settings()), p.Name)
}

// Build returns the path of the program, which it compiles unless it is there.
func (c Cache) Build(ctx context.Context, p Program) (string, error) {
	path := c.Path(p)
	_, err := c.Fill(ctx, p.key(settings()), []string{p.Name}, func(partial string) error {
		start := time.Now()
		c.Tell("building %s from Go modules, %s the first time", p, p.Takes)
		if err := c.compile(ctx, p, partial); err != nil {
			return fmt.Errorf("building %s: %w", p, err)
		}
		c.Tell("%s is ready after %s", p, time.Since(start).Round(time.Second))
		return nil
	})
	return path, err
}

func (c Cache) compile(ctx context.Context, p Program, into string) error {
	var gomod, gosum []byte
	if p.Module != "" {
		source, err := c.fetch(ctx, p.Module, p.Version)
		if err != nil {
			return err
		}
		if gomod, err = os.ReadFile(filepath.Join(source, "go.mod")); err != nil {
			return fmt.Errorf("reading the module: %w", err)
		}
		if gosum, err = os.ReadFile(filepath.Join(source, "go.sum")); err != nil {
			return fmt.Errorf("reading checksums: %w", err)
		}
	}
	derived, err := derive(gomod, p)
	if err != nil {
		return err
	}
	workspace, err := newWorkspace(into, derived, gosum)
	if err != nil {
		return err
	}
	target := p.Module + p.Package
	if p.Main != "" {
		target = "."
		if err := os.WriteFile(filepath.Join(string(workspace), "main.go"), []byte(p.Main), 0o644); err != nil {
			return fmt.Errorf("writing main.go: %w", err)
		}
	}
	linking := "-ldflags=" + strings.TrimSpace("-s -w "+p.Linking)
	err = workspace.compile(ctx, c.Tell, filepath.Join(into, p.Name), linking, target)
	return errors.Join(err, os.RemoveAll(string(workspace)))
}

// fetch downloads a module, checked against the checksum database, and returns
// its directory in the module cache.
func (c Cache) fetch(ctx context.Context, path, version string) (string, error) {
	c.Tell("fetching %s %s", path, version)
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", path+"@"+version)
	download.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := download.Output()
	var answer struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &answer); jsonErr == nil && answer.Error != "" {
		return "", fmt.Errorf("fetching %s %s: %s", path, version, answer.Error)
	}
	if err != nil {
		return "", fmt.Errorf("fetching %s %s: %w", path, version, Explain(err))
	}
	if answer.Dir == "" {
		return "", fmt.Errorf("fetching %s %s: go mod download named no directory", path, version)
	}
	return answer.Dir, nil
}

// Explain adds to an exit code what the program said last.
func Explain(err error) error {
	var exited *exec.ExitError
	if !errors.As(err, &exited) || len(exited.Stderr) == 0 {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(exited.Stderr)), "\n")
	return fmt.Errorf("%s (%w)", lines[len(lines)-1], err)
}
