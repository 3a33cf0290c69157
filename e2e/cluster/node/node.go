package node

import (
	"path/filepath"
)

// Addresses of the node's network. The API server's is in its certificate.
const (
	address        = "10.77.0.1"
	prefix         = "/30"
	serviceCIDR    = "10.96.0.0/16"
	serviceAddress = "10.96.0.1" // of the Service "kubernetes"
	podCIDR        = "10.244.0.0/24"

	apiServer    = "https://" + address + ":6443"
	etcdAddress  = "127.0.0.1:2379"
	imageAddress = address + ":5000"
	dnsAddress   = address + ":53"
)

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
	Cgroup  string                           // below which pods are, in each hierarchy
	Tell    func(format string, args ...any) // takes a line of progress
}

// New is the one node that a machine can have; a second would want the same
// addresses.
func New(tell func(format string, args ...any)) Node {
	return Node{
		Dir:     "/var/lib/keda-trust-cluster",
		Link:    "keda-trust0",
		Machine: "10.77.0.2" + prefix,
		Cgroup:  "keda-trust-cluster",
		Tell:    tell,
	}
}

// Kubeconfig is the path of an administrator's.
func (n Node) Kubeconfig() string { return n.path("admin.conf") }

func (n Node) path(elements ...string) string {
	return filepath.Join(append([]string{n.Dir}, elements...)...)
}

func (n Node) log(process string) string { return n.path("log", process+".log") }

func (n Node) containerd() string { return n.path("containerd.sock") }
