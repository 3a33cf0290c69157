package node

import (
	"errors"
	"slices"
	"testing"
)

func TestWhatAMachineLacksIsNamedAsDebianDoes(t *testing.T) {
	none := func(string) (string, error) { return "", errors.New("not found") }
	all := func(name string) (string, error) { return "/usr/sbin/" + name, nil }
	noPlugins := func() (string, error) { return "", errors.New("not found") }
	plugins := func() (string, error) { return "/usr/lib/cni", nil }

	want := []string{"iproute2", "iptables", "runc", "containernetworking-plugins"}
	if got := missingPackages(none, noPlugins); !slices.Equal(got, want) {
		t.Errorf("an empty machine lacks %v, want %v", got, want)
	}
	if got := missingPackages(all, plugins); len(got) > 0 {
		t.Errorf("a machine that has all lacks %v", got)
	}
	if got := missingPackages(all, noPlugins); !slices.Equal(got, want[3:]) {
		t.Errorf("a machine without plugins lacks %v", got)
	}
}
