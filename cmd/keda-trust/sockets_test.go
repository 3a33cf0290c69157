package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func portOf(t *testing.T, address string) int {
	t.Helper()
	port, err := strconv.Atoi(address[strings.LastIndex(address, ":")+1:])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// wantListening compares with the sockets of the process, as the kernel has them.
func wantListening(t *testing.T, p *process, want ...int) {
	t.Helper()
	process := filepath.Join("/proc", strconv.Itoa(p.command.Process.Pid))
	descriptors, err := os.ReadDir(filepath.Join(process, "fd"))
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("the kernel does not tell what listens: ", err)
	}
	var got []int
	for _, table := range []string{"tcp", "tcp6"} {
		sockets, err := os.ReadFile(filepath.Join(process, "net", table))
		if err != nil {
			t.Fatal(err)
		}
		for _, descriptor := range descriptors {
			link, _ := os.Readlink(filepath.Join(process, "fd", descriptor.Name())) // it may be closed by now
			got = append(got, listening(string(sockets), strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]"))...)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("keda-trust listens on the ports %v, want %v", got, want)
	}
}

// listening are the ports on which the socket with that inode listens (state 0A).
func listening(sockets, inode string) []int {
	var ports []int
	line := regexp.MustCompile(`(?m)^ *\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ 0A (?:\S+ +){5}` + regexp.QuoteMeta(inode) + ` `)
	for _, found := range line.FindAllStringSubmatch(sockets, -1) {
		if port, err := strconv.ParseInt(found[1], 16, 32); err == nil {
			ports = append(ports, int(port))
		}
	}
	return ports
}
