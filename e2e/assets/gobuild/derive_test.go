package gobuild

import (
	"strings"
	"testing"
)

var kubelet = Program{Name: "kubelet", Module: "k8s.io/kubernetes", Version: "v1.37.2", Package: "/cmd/kubelet", Staging: "v0.37.2"}

const kubernetesGoMod = `// This is a generated file.

module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
	example.org/forked v1.0.0
	k8s.io/api v0.0.0
)

replace (
	example.org/forked => example.org/fork v1.2.3
	k8s.io/api => ./staging/src/k8s.io/api
)
`

func TestTheDerivedModuleTakesPublishedLibraries(t *testing.T) {
	derived, err := derive([]byte(kubernetesGoMod), kubelet)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"module assets.invalid/kubelet",
		"k8s.io/kubernetes v1.37.2",
		"k8s.io/api => k8s.io/api v0.37.2",
		"example.org/forked => example.org/fork v1.2.3",
		"godebug default=go1.26",
	} {
		if !strings.Contains(string(derived), line) {
			t.Errorf("%q is missing in\n%s", line, derived)
		}
	}
	if strings.Contains(string(derived), "./staging") {
		t.Errorf("a directory is left in\n%s", derived)
	}
}

func TestAModuleThatIsNotUnderstoodIsRefused(t *testing.T) {
	cases := map[string]string{
		"no go.mod at all":    "<html>",
		"another module":      strings.Replace(kubernetesGoMod, "module k8s.io/kubernetes", "module example.org/other", 1),
		"an unknown location": strings.Replace(kubernetesGoMod, "./staging/", "../elsewhere/", 1),
	}
	for story, gomod := range cases {
		t.Run(story, func(t *testing.T) {
			if derived, err := derive([]byte(gomod), kubelet); err == nil {
				t.Errorf("accepted:\n%s", derived)
			}
		})
	}
}

func TestWithoutPublishedCopiesADirectoryIsNotReplaced(t *testing.T) {
	gomod := strings.ReplaceAll(kubernetesGoMod, "k8s.io/kubernetes", "example.org/etcd")
	derived, err := derive([]byte(gomod), Program{Name: "etcd", Module: "example.org/etcd", Version: "v3.7.3", Main: "package main"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(derived), "k8s.io/api =>") {
		t.Errorf("a replacement is left in\n%s", derived)
	}
	for _, line := range []string{"example.org/etcd v3.7.3", "example.org/forked => example.org/fork v1.2.3"} {
		if !strings.Contains(string(derived), line) {
			t.Errorf("%q is missing in\n%s", line, derived)
		}
	}
}
