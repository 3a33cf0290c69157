package node

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"text/template"
	"time"
)

//go:embed etc
var sources embed.FS

// files are contents by path below the node's directory.
type files map[string][]byte

// configuration gives what the programs read besides keys. cni is the directory
// of the CNI plugins.
func (n Node) configuration(cni string) (files, error) {
	values := map[string]string{
		"Address": n.Address,
		"Cgroup":  n.Cgroup,
		"CNI":     cni,
		"Dir":     n.Dir,
		"Images":  n.images(),
		"Name":    name,
		"Pause":   pauseImage,
		"PodCIDR": podCIDR,
		"Socket":  n.containerd(),
	}
	written := files{}
	for path, source := range map[string]string{
		"etc/containerd.toml":                "containerd.toml",
		"etc/registries/_default/hosts.toml": "hosts.toml",
		"etc/cni/10-pods.conflist":           "pods.conflist",
		"etc/kubelet.yaml":                   "kubelet.yaml",
		"etc/kube-proxy.yaml":                "kube-proxy.yaml",
		"etc/Corefile":                       "Corefile",
		"etc/resolv.conf":                    "resolv.conf",
	} {
		content, err := render(source, values)
		if err != nil {
			return nil, err
		}
		written[path] = content
	}
	for path, value := range settings {
		written[settingFile(path)] = []byte(value + "\n")
	}
	return written, nil
}

// credentials gives new keys and certificates, and who connects with them.
func (n Node) credentials(now time.Time) (files, error) {
	ca, err := newAuthority("kubernetes", now)
	if err != nil {
		return nil, err
	}
	front, err := newAuthority("front-proxy", now)
	if err != nil {
		return nil, err
	}
	written := files{}
	if written["pki/sa.key"], written["pki/sa.pub"], err = newSigner(); err != nil {
		return nil, err
	}
	for path, issue := range map[string]func() (pair, error){
		"pki/ca":       ca.pair,
		"pki/front-ca": front.pair,
		"pki/apiserver": func() (pair, error) {
			return ca.server("kube-apiserver", serviceNames("kubernetes", "default"), "127.0.0.1", n.Address, serviceAddress)
		},
		"pki/admin":          func() (pair, error) { return ca.client("kubernetes-admin", "system:masters") },
		"pki/kubelet-client": func() (pair, error) { return ca.client("kube-apiserver-kubelet-client", "system:masters") },
		"pki/front":          func() (pair, error) { return front.client("front-proxy") },
	} {
		issued, err := issue()
		if err != nil {
			return nil, err
		}
		written[path+".crt"], written[path+".key"] = issued.certificate, issued.key
	}
	for path, who := range map[string]struct{ user, group string }{
		"admin.conf":     {"kubernetes-admin", "system:masters"},
		"kubelet.conf":   {"system:node:" + name, "system:nodes"},
		"manager.conf":   {"system:kube-controller-manager", ""},
		"scheduler.conf": {"system:kube-scheduler", ""},
		"proxy.conf":     {"system:kube-proxy", ""},
		// No role for it comes with Kubernetes.
		"dns.conf": {"coredns", "system:masters"},
	} {
		if written[path], err = kubeconfig(n.apiServer(), ca, who.user, who.group); err != nil {
			return nil, err
		}
	}
	return written, nil
}

// kubeconfig is how somebody connects to an API server, a URL.
func kubeconfig(server string, ca authority, user, group string) ([]byte, error) {
	root, err := ca.pair()
	if err != nil {
		return nil, err
	}
	var groups []string
	if group != "" {
		groups = []string{group}
	}
	client, err := ca.client(user, groups...)
	if err != nil {
		return nil, err
	}
	return render("kubeconfig.yaml", map[string]string{
		"Server": server, "User": user, "CA": string(root.certificate),
		"Certificate": string(client.certificate), "Key": string(client.key),
	})
}

// serviceNames are all under which pods know a Service.
func serviceNames(service, namespace string) []string {
	full := service + "." + namespace
	return []string{service, full, full + ".svc", full + ".svc.cluster.local"}
}

func render(source string, values map[string]string) ([]byte, error) {
	functions := template.FuncMap{"base64": func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }}
	parsed, err := template.New(source).Funcs(functions).Option("missingkey=error").ParseFS(sources, "etc/"+source)
	if err != nil {
		return nil, fmt.Errorf("reading template %s: %w", source, err)
	}
	var content bytes.Buffer
	if err := parsed.Execute(&content, values); err != nil {
		return nil, fmt.Errorf("writing %s: %w", source, err)
	}
	return content.Bytes(), nil
}
