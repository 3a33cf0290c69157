package figures

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is what Linux says of a process, in bytes.
type Memory struct {
	Resident int64 // VmRSS, now
	Peak     int64 // VmHWM, the most that was ever resident
}

// MemoryOf asks for a running process.
func MemoryOf(pid int) (Memory, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, fmt.Errorf("reading the memory of process %d: %w", pid, err)
	}
	return parseMemory(content)
}

func parseMemory(status []byte) (Memory, error) {
	resident, err := parseField(status, "VmRSS")
	if err != nil {
		return Memory{}, err
	}
	peak, err := parseField(status, "VmHWM")
	return Memory{Resident: resident, Peak: peak}, err
}

func parseField(status []byte, name string) (int64, error) {
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		text, found := strings.CutPrefix(lines.Text(), name+":")
		if !found {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the memory of a process: %s is %q: %w", name, text, err)
		}
		return kib << 10, nil
	}
	return 0, fmt.Errorf("reading the memory of a process: its status has no %s", name)
}
