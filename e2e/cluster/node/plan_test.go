package node

import (
	"slices"
	"strings"
	"testing"
)

func TestProcessesStartInTheOrderOfWhatTheyNeed(t *testing.T) {
	var names []string
	for _, process := range testNode(t).plan(testPrograms(t), nil).Processes {
		names = append(names, process.Name)
		if len(process.Args) == 0 || process.Args[0] == "" {
			t.Errorf("%s has no program", process.Name)
		}
	}
	for _, pair := range [][2]string{
		{"registry", "kubelet"}, {"etcd", "kube-apiserver"}, {"containerd", "kubelet"}, {"kube-apiserver", "kubelet"},
		{"kube-apiserver", "kube-controller-manager"}, {"kube-apiserver", "coredns"},
	} {
		before, after := slices.Index(names, pair[0]), slices.Index(names, pair[1])
		if before < 0 || after < 0 || before > after {
			t.Errorf("%s does not come before %s in %v", pair[0], pair[1], names)
		}
	}
}

func TestWhoeverNeedsTheAPIServerWaitsUntilItIsReady(t *testing.T) {
	for _, process := range testNode(t).plan(testPrograms(t), nil).Processes {
		if want := "https://10.77.0.1:6443/readyz"; process.Name == "kube-apiserver" && process.Ready != want {
			t.Errorf("ready when %q answers, want %q", process.Ready, want)
		}
	}
}

func TestAKubeletFindsTheMachinesSettingsAsItWantsThem(t *testing.T) {
	n := testNode(t)
	configured, err := n.configuration("/usr/lib/cni")
	if err != nil {
		t.Fatal(err)
	}
	pins := n.plan(testPrograms(t), nil).Pins
	for setting, value := range settings {
		file, ok := strings.CutPrefix(pins["/proc/sys/"+setting], n.Dir+"/")
		if !ok || string(configured[file]) != value+"\n" {
			t.Errorf("%s is seen as %q, want %s", setting, configured[file], value)
		}
	}
}

func TestTheEnvironmentOfTheMachineStaysOutside(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://proxy.example.org")
	for _, variable := range testNode(t).plan(testPrograms(t), nil).Env {
		if strings.Contains(variable, "PROXY") {
			t.Error(variable)
		}
	}
}

func testNode(t *testing.T) Node {
	t.Helper()
	n := New(1, t.Logf)
	n.Dir = "/node"
	return n
}

func testPrograms(t *testing.T) binaries {
	t.Helper()
	all, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	paths := binaries{}
	for _, program := range all {
		paths[program.Name] = "/cache/" + program.Name + "/" + program.Name
	}
	return paths
}

func mustEncode(t *testing.T, planned plan) []byte {
	t.Helper()
	content, err := planned.encode()
	if err != nil {
		t.Fatal(err)
	}
	return content
}
