package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// idleMemory is that of keda-trust after it had nothing to do for a while.
func (b *bench) idleMemory(ctx context.Context) (int64, error) {
	select {
	case <-time.After(idle):
		return b.memory()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// memory is what Linux says of keda-trust.
func (b *bench) memory() (int64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.server.PID()))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of keda-trust: %w", err)
	}
	return parseResident(content)
}

func parseResident(status []byte) (int64, error) {
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		text, found := strings.CutPrefix(lines.Text(), "VmRSS:")
		if !found {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the memory of keda-trust: VmRSS is %q: %w", text, err)
		}
		return kib << 10, nil
	}
	return 0, errors.New("reading the memory of keda-trust: its status has no VmRSS")
}

// machine says what the figures were measured on.
func machine() string {
	load := "unknown"
	if content, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Join(strings.Fields(string(content))[:3], " ")
	}
	return fmt.Sprintf("%d CPUs (%s), load %s, %s %s/%s", runtime.NumCPU(), processor(), load, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func processor() string {
	content, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		if key, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
