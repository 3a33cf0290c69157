package node

import (
	"context"
	"path/filepath"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/assets/kubernetes"
)

const (
	containerdVersion = "v2.4.2"
	corednsVersion    = "v1.15.0"
)

// Names of programs that are not Kubernetes's own.
const (
	etcd       = "etcd"
	containerd = "containerd"
	shim       = "containerd-shim-runc-v2"
	ctr        = "ctr"
	coredns    = "coredns"
	pause      = "pause"
)

// programs is everything that the node consists of, most needed first: where
// one of them does not build, it shows early.
func programs() ([]gobuild.Program, error) {
	release, err := kubernetes.ParseRelease(kubernetes.DefaultMinor)
	if err != nil {
		return nil, err
	}
	all := []gobuild.Program{kubernetes.Etcd()}
	for _, command := range []string{
		kubernetes.APIServer, kubernetes.ControllerManager, kubernetes.Scheduler, kubernetes.Kubelet, kubernetes.Proxy,
	} {
		all = append(all, release.Program(command))
	}
	return append(all,
		ofContainerd(containerd), ofContainerd(shim), ofContainerd(ctr),
		gobuild.Program{Name: coredns, Module: "github.com/coredns/coredns", Version: corednsVersion, Main: corednsMain, Takes: "4 minutes"},
		pauseProgram(),
	), nil
}

func ofContainerd(command string) gobuild.Program {
	return gobuild.Program{
		Name:    command,
		Module:  "github.com/containerd/containerd/v2",
		Version: containerdVersion,
		Package: "/cmd/" + command,
		Takes:   "a minute",
	}
}

func pauseProgram() gobuild.Program {
	return gobuild.Program{Name: pause, Main: pauseMain, Takes: "seconds"}
}

// binaries are paths by name.
type binaries map[string]string

// buildAll compiles what the cache does not have.
func buildAll(ctx context.Context, cache gobuild.Cache) (binaries, error) {
	all, err := programs()
	if err != nil {
		return nil, err
	}
	paths := binaries{}
	for _, program := range all {
		if paths[program.Name], err = cache.Build(ctx, program); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// search is a PATH on which containerd finds its shim, and all of them what
// Debian has.
func (b binaries) search() string {
	return filepath.Dir(b[shim]) + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// corednsMain has only the plugins that a Corefile of ours names; the original
// brings the clients of three clouds.
const corednsMain = `package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
)

func main() {
	coremain.Run()
}
`

// pauseMain holds a pod's namespaces, and buries what its containers leave.
const pauseMain = `package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
`
