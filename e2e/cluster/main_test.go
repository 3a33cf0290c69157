package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/cluster/node"
)

func TestAWrongCommandLineIsToldAndDoesNothing(t *testing.T) {
	t.Setenv(gobuild.CacheVariable, t.TempDir())
	for line, want := range map[string]string{
		"start":                         `"start" is no command`,
		"up now":                        "up takes 0",
		"up --with docker":              "not one of auto, kind, node",
		"up --keda 2.17":                "not one of 2.15, 2.16, 2.20, 2.21",
		"up --clusters 0":               "not from 1 to 9",
		"up --clusters 10":              "not from 1 to 9",
		"up --clusters many":            "-clusters",
		"down --force":                  "down takes none",
		"load keda-trust:dev":           "load takes 2",
		"load --uid 0 keda-trust:dev x": "-uid",
	} {
		err := dispatch(t.Context(), strings.Fields(line))
		var wrong errUsage
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
	for _, line := range []string{"", "help", "--help", "up --help", "load -h", "down --help"} {
		if err := dispatch(t.Context(), strings.Fields(line)); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: got %v", line, err)
		}
	}
}

func TestAnImageGoesIntoAllClustersOrIntoTheOneThatIsNamed(t *testing.T) {
	cache := gobuild.Cache{Dir: filepath.Join(t.TempDir(), "assets")}
	var all []cluster
	for number := range 3 {
		all = append(all, cluster{node: node.Node{Dir: t.TempDir() + "/none", Link: "kt-none", Cgroup: "kt-none"}, kind: newKind(number+1, cache)})
	}
	if found, err := existing(all, ""); err == nil || !strings.Contains(err.Error(), "make cluster starts one") {
		t.Errorf("where there is none: %v, %v", found, err)
	}
	for _, c := range all[1:] {
		if err := os.MkdirAll(c.kind.dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := existing(all, ""); err != nil || !slices.Equal(names(found), []string{"keda-trust-2", "keda-trust-3"}) {
		t.Errorf("all: %v, %v", names(found), err)
	}
	if found, err := existing(all, all[2].kind.kubeconfig()); err != nil || !slices.Equal(names(found), []string{"keda-trust-3"}) {
		t.Errorf("the third: %v, %v", names(found), err)
	}
	if found, err := existing(all, all[0].kind.kubeconfig()); err == nil {
		t.Errorf("one that is not there: %v", names(found))
	}
}

func names(clusters []cluster) []string {
	var names []string
	for _, c := range clusters {
		names = append(names, c.kind.name)
	}
	return names
}
