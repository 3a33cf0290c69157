package node

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"github.com/keda-trust/keda-trust/e2e/assets/kubernetes"
)

const (
	planFile  = "plan.json"
	endedFile = "ended"
)

// linkPeer is the node's end of the link to the machine.
const linkPeer = "machine0"

// self is the program that runs, also when its file is gone, as that of `go run`
// soon is.
const self = "/proc/self/exe"

// plan is what the node's first process does. It is written to a file, so that
// one process can write it and another can carry it out.
type plan struct {
	Ended     string            // path: where it says what has ended by itself
	Root      string            // a directory that stays when the ones of Hide are hidden
	Hide      []string          // directories that it sees empty
	Pins      map[string]string // files, and by what it sees them replaced
	Cgroups   []string          // directories that are to be there
	Commands  [][]string        // what sets up the network
	Env       []string
	CA        string // path: the CA of https probes
	Processes []process
}

// process is a program that runs for as long as the node does.
type process struct {
	Name string
	Args []string // the first is the path of the program
	Log  string   // path
	// Ready is an address that answers when the next process may start:
	// tcp://, unix:// or https://. Empty: there is nothing to wait for.
	Ready string `json:",omitempty"`
}

func (p plan) encode() ([]byte, error) {
	content, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the plan: %w", err)
	}
	return content, nil
}

// settings are those of the whole machine that a kubelet sets, and to what. See
// setupKernelTunables in its package cm.
var settings = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

func settingFile(setting string) string { return path.Join("etc/sysctl", setting) }

func (n Node) plan(programs binaries, cgroups []string) plan {
	pins := map[string]string{}
	for setting := range settings {
		pins["/proc/sys/"+setting] = n.path(settingFile(setting))
	}
	return plan{
		Ended:     n.path(endedFile),
		Root:      n.Dir,
		Hide:      []string{"/run", "/var/lib", "/var/log"},
		Pins:      pins,
		Cgroups:   cgroups,
		Commands:  n.networkCommands(),
		Env:       []string{"PATH=" + programs.search(), "HOME=/root", "LANG=C.UTF-8"},
		CA:        n.path("pki/ca.crt"),
		Processes: n.processes(programs),
	}
}

// networkCommands give the node its address. It is a bridge's because not every
// kernel has dummy devices, and a Service needs a route before it is rewritten.
func (n Node) networkCommands() [][]string {
	return [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"ip", "link", "add", "node0", "type", "bridge"},
		{"ip", "address", "add", n.Address + prefix, "dev", "node0"},
		{"ip", "link", "set", "node0", "up"},
		{"ip", "link", "set", linkPeer, "master", "node0", "up"},
		{"ip", "route", "add", "default", "dev", "node0"},
		{"sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"},
	}
}

// processes are in the order in which they start.
func (n Node) processes(programs binaries) []process {
	start := func(name, ready string, args ...string) process {
		return process{Name: name, Args: append([]string{programs[name]}, args...), Log: n.log(name), Ready: ready}
	}
	return []process{
		{Name: RegistryCommand, Args: []string{self, RegistryCommand, n.images(), n.path("registry")}, Log: n.log(RegistryCommand)},
		start(etcd, "tcp://"+etcdAddress,
			"--data-dir="+n.path("etcd"), "--unsafe-no-fsync",
			"--listen-client-urls=http://"+etcdAddress, "--advertise-client-urls=http://"+etcdAddress,
			"--listen-peer-urls=http://127.0.0.1:2380"),
		start(containerd, "unix://"+n.containerd(), "--config="+n.path("etc/containerd.toml")),
		start(kubernetes.APIServer, n.apiServer()+"/readyz", n.apiServerArgs()...),
		start(kubernetes.ControllerManager, "", slices.Concat(n.clientArgs("manager.conf"), []string{
			"--service-account-private-key-file=" + n.path("pki/sa.key"), "--root-ca-file=" + n.path("pki/ca.crt"),
			"--cluster-signing-cert-file=" + n.path("pki/ca.crt"), "--cluster-signing-key-file=" + n.path("pki/ca.key"),
			"--use-service-account-credentials"})...),
		start(kubernetes.Scheduler, "", n.clientArgs("scheduler.conf")...),
		start(kubernetes.Kubelet, "",
			"--config="+n.path("etc/kubelet.yaml"), "--kubeconfig="+n.path("kubelet.conf"), "--root-dir="+n.path("kubelet"),
			"--hostname-override="+name, "--node-ip="+n.Address, "--v=2"),
		start(kubernetes.Proxy, "", "--config="+n.path("etc/kube-proxy.yaml")),
		start(coredns, "", "-conf="+n.path("etc/Corefile")),
	}
}

// clientArgs are of those who only talk to the API server, and are alone.
func (n Node) clientArgs(kubeconfig string) []string {
	path := n.path(kubeconfig)
	return []string{
		"--kubeconfig=" + path, "--authentication-kubeconfig=" + path, "--authorization-kubeconfig=" + path, "--leader-elect=false",
	}
}

func (n Node) apiServerArgs() []string {
	pki := func(flag, file string) string { return "--" + flag + "=" + n.path("pki", file) }
	return []string{
		"--etcd-servers=http://" + etcdAddress,
		"--advertise-address=" + n.Address, "--bind-address=" + n.Address, "--secure-port=6443",
		"--service-cluster-ip-range=" + serviceCIDR,
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged",
		pki("client-ca-file", "ca.crt"), pki("tls-cert-file", "apiserver.crt"), pki("tls-private-key-file", "apiserver.key"),
		pki("kubelet-client-certificate", "kubelet-client.crt"), pki("kubelet-client-key", "kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		pki("service-account-key-file", "sa.pub"), pki("service-account-signing-key-file", "sa.key"),
		pki("requestheader-client-ca-file", "front-ca.crt"),
		pki("proxy-client-cert-file", "front.crt"), pki("proxy-client-key-file", "front.key"),
		"--requestheader-allowed-names=front-proxy", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
	}
}
