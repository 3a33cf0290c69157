package gobuild

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// workspace is the directory of a module that exists for one build.
type workspace string

// newWorkspace makes a module with that go.mod and those checksums.
func newWorkspace(into string, gomod, gosum []byte) (workspace, error) {
	dir := filepath.Join(into, "module")
	err := errors.Join(
		os.RemoveAll(dir),
		os.MkdirAll(dir, 0o755),
		os.WriteFile(filepath.Join(dir, "go.mod"), gomod, 0o644),
		os.WriteFile(filepath.Join(dir, "go.sum"), gosum, 0o644),
	)
	if err != nil {
		return "", fmt.Errorf("writing a module: %w", err)
	}
	return workspace(dir), nil
}

// progressInterval is how long a build may be silent before somebody thinks
// that it hangs.
const progressInterval = 15 * time.Second

// compile builds one program, telling how far it is. -v makes go name each
// package that it compiles, which is all the progress that there is to see.
func (w workspace) compile(ctx context.Context, tell func(string, ...any), output string, args ...string) error {
	build := exec.CommandContext(ctx, "go", append([]string{"build", "-v", "-o", output}, args...)...)
	build.Dir = string(w)
	build.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0")
	build.Cancel = func() error { return build.Process.Signal(os.Interrupt) }
	build.WaitDelay = 10 * time.Second
	lines, err := build.StderrPipe()
	if err != nil {
		return fmt.Errorf("preparing go build: %w", err)
	}
	if err := build.Start(); err != nil {
		return fmt.Errorf("starting go build: %w", err)
	}
	var seen progress
	stop := seen.report(tell, filepath.Base(output))
	said := seen.read(lines)
	err = build.Wait()
	stop()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, strings.Join(said, "\n"))
	}
	return nil
}

// progress counts what go build -v says.
type progress struct {
	downloaded, compiled atomic.Int64
}

// read counts until the end and returns the last lines that are neither a
// download nor a package: the errors. A line may be of any length, as a linker's
// are: go would hang on a pipe that nobody reads to its end.
func (p *progress) read(from io.Reader) []string {
	const kept = 40
	var said []string
	for reader := bufio.NewReader(from); ; {
		line, err := reader.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		switch {
		case err != nil && line == "":
			return said
		case strings.HasPrefix(line, "go: downloading "):
			p.downloaded.Add(1)
		case isPackage(line):
			p.compiled.Add(1)
		default:
			said = append(said, line)
			said = said[max(0, len(said)-kept):]
		}
	}
}

// isPackage tells an import path from an error message.
func isPackage(line string) bool {
	return line != "" && !slices.ContainsFunc([]string{" ", ":", "#", "\t"}, func(mark string) bool {
		return strings.Contains(line, mark)
	})
}

// report tells the counts at intervals until stop is called.
func (p *progress) report(tell func(string, ...any), name string) (stop func()) {
	start := time.Now()
	ticker := time.NewTicker(progressInterval)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				tell("%s: %s, %d modules downloaded, %d packages compiled",
					name, time.Since(start).Round(time.Second), p.downloaded.Load(), p.compiled.Load())
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(done)
	}
}
