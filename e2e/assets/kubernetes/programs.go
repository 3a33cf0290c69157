package kubernetes

import (
	"fmt"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
)

// Commands of Kubernetes.
const (
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kubelet           = "kubelet"
	Proxy             = "kube-proxy"
)

// Program is how one of the commands is built. It says which Kubernetes it is,
// which a build outside of its repository otherwise does not know.
func (r Release) Program(command string) gobuild.Program {
	const version = "k8s.io/component-base/version"
	program := gobuild.Program{
		Name:    command,
		Module:  "k8s.io/kubernetes",
		Version: r.Patch,
		Package: "/cmd/" + command,
		Linking: fmt.Sprintf("-X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=1 -X %[1]s.gitMinor=%[3]s -X %[1]s.gitTreeState=clean",
			version, r.Patch, r.number()),
		Staging: r.staging(),
		Takes:   "2 minutes where kube-apiserver was built before, 5 to 8 where not,",
	}
	if command == APIServer {
		program.Takes = "5 to 8 minutes on two cores, half a minute where Go's build cache has it,"
	}
	return program
}

// Etcd serves the API server of every release.
func Etcd() gobuild.Program {
	return gobuild.Program{
		Name:    "etcd",
		Module:  "go.etcd.io/etcd/server/v3",
		Version: etcdVersion,
		Main:    etcdMain,
		Takes:   "half a minute",
	}
}

// etcdMain is a program of its own, for etcd's main package is in a module that
// is not meant to be imported.
const etcdMain = `package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
`
