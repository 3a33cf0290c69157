package node

import (
	"fmt"
	"path/filepath"
)

// Addresses that nobody outside of the node's network sees: every node has them.
const (
	serviceCIDR    = "10.96.0.0/16"
	serviceAddress = "10.96.0.1" // of the Service "kubernetes"
	podCIDR        = "10.244.0.0/24"
	etcdAddress    = "127.0.0.1:2379"
)

// prefix is that of a link's two ends.
const prefix = "/30"

// Most is how many nodes a machine can have.
const Most = 9

// pauseImage holds the namespaces of a pod.
const pauseImage = "localhost/pause:1"

// name is the node's as an object of Kubernetes.
const name = "node-1"

// What this program does inside a node is said by its first argument.
const (
	InitCommand     = "init"     // be the first process; the path of a plan follows
	RegistryCommand = "registry" // serve images; an address and a directory follow
)

// Node is one node by what it occupies on the machine.
type Node struct {
	Dir     string                           // absolute; all that is written
	Link    string                           // the machine's end of the link to the node
	Machine string                           // the machine's address on that link, with its prefix
	Address string                           // the node's own on it; the API server's certificate names it
	Cgroup  string                           // below which pods are, in each hierarchy
	Tell    func(format string, args ...any) // takes a line of progress
}

// New is one of a machine's nodes, from 1 to Most, which have nothing in common.
func New(number int, tell func(format string, args ...any)) Node {
	suffix := ""
	if number > 1 {
		suffix = fmt.Sprintf("-%d", number)
	}
	return Node{
		Dir:     "/var/lib/keda-trust-cluster" + suffix,
		Link:    fmt.Sprintf("keda-trust%d", number-1),
		Machine: fmt.Sprintf("10.77.%d.2%s", number-1, prefix),
		Address: fmt.Sprintf("10.77.%d.1", number-1),
		Cgroup:  "keda-trust-cluster" + suffix,
		Tell:    tell,
	}
}

// Kubeconfig is the path of an administrator's.
func (n Node) Kubeconfig() string { return n.path("admin.conf") }

func (n Node) path(elements ...string) string {
	return filepath.Join(append([]string{n.Dir}, elements...)...)
}

func (n Node) log(process string) string { return n.path("log", process+".log") }

func (n Node) apiServer() string { return "https://" + n.Address + ":6443" }

func (n Node) images() string { return n.Address + ":5000" }

func (n Node) dns() string { return n.Address + ":53" }

func (n Node) containerd() string { return n.path("containerd.sock") }
