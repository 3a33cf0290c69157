package injector

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Mounted is what a container sees of one object in a directory.
type Mounted struct {
	// Source is the Secret, ConfigMap or ClusterTrustBundle; of another kind of
	// volume only Volume is known.
	Source Source
	Volume string
	// Keys are those that are seen, by file name; nil where each key is a file of
	// its own name.
	Keys     map[string]string
	Optional bool
}

// Key is the key that is seen as file; found is false where none is.
func (m Mounted) Key(file string) (key string, found bool) {
	if m.Keys == nil {
		return file, true
	}
	key, found = m.Keys[file]
	return key, found
}

// ServingMounts are what a component, as it stands, sees in the directory of
// the certificate that it serves HTTPS or gRPC with.
func (i Installation) ServingMounts(component Component) []Mounted {
	p, ok := i.standing(component)
	if !ok {
		return nil
	}
	return p.mountedAt(certDirInUse(component, p.container))
}

// PeerMounts are the same for gRPC between metrics-apiserver and operator, which
// KEDA reads from --cert-dir whatever HTTPS is served with.
func (i Installation) PeerMounts(component Component) []Mounted {
	p, ok := i.standing(component)
	if !ok {
		return nil
	}
	dir, _ := p.flag(flagCertDir, i.Namespace)
	if !path.IsAbs(dir) {
		dir = DefaultCertDir
	}
	return p.mountedAt(path.Clean(dir))
}

// CertificateInUse is the Secret whose tls.crt, tls.key and ca.crt the components
// that are available, and did not opt out, see under these names where they look for
// the certificate that they serve; empty where there are none, or they do not agree.
func (i Installation) CertificateInUse() string {
	var inUse string
	for _, component := range components {
		d := i.Deployments[component]
		if d == nil || d.Status.AvailableReplicas == 0 || i.OptedOut(component) {
			continue
		}
		name := certificateSecret(i.ServingMounts(component))
		if name == "" || (inUse != "" && name != inUse) {
			return ""
		}
		inUse = name
	}
	return inUse
}

func certificateSecret(mounted []Mounted) string {
	var secret string
	for _, file := range []string{keyCert, keyKey, keyCA} {
		m, key, found := MountedFile(mounted, file)
		if !found || key != file || m.Source.Kind != SourceSecret || (secret != "" && m.Source.Name != secret) {
			return ""
		}
		secret = m.Source.Name
	}
	return secret
}

// CustomCAs are the directories from which the operator, as it stands, reads
// custom CAs, and what it sees in them, in KEDA's order.
func (i Installation) CustomCAs() (dirs []string, mounted []Mounted) {
	p, ok := i.standing(ComponentOperator)
	if !ok {
		return nil, nil
	}
	for _, dir := range p.args.all(flagCADir) {
		dirs = append(dirs, path.Clean(dir))
	}
	if len(dirs) == 0 {
		dirs = []string{DefaultCustomCADir}
	}
	for _, dir := range dirs {
		mounted = append(mounted, p.mountedAt(dir)...)
	}
	return dirs, mounted
}

// PeersWantTLS13 says whether the metrics-apiserver refuses an operator with
// less: as it is told from KEDA 2.20 on, and always before.
func (i Installation) PeersWantTLS13() bool {
	p, ok := i.standing(ComponentMetricsAPIServer)
	if !ok {
		return false
	}
	if !Recognise(restored(p.deployment)).Version.AtLeast(2, 20, 0) {
		return true
	}
	at := envIndex(p.container.Env, envServiceMinTLS)
	return at >= 0 && p.container.Env[at].Value == "TLS13"
}

// standing is a component as it runs, with what was injected, where part is the
// component as its user wrote it.
func (i Installation) standing(component Component) (part, bool) {
	d := i.Deployments[component]
	if d == nil {
		return part{}, false
	}
	r := Recognise(restored(d))
	if r.Component != component {
		return part{}, false
	}
	c := &d.Spec.Template.Spec.Containers[r.Container]
	args, err := parseArgv(c)
	return part{deployment: d, container: c, args: args}, err == nil
}

// mountedAt is what the container sees at dir: a volume that is mounted there,
// and single files of others.
func (p part) mountedAt(dir string) []Mounted {
	var out []Mounted
	for _, mount := range p.container.VolumeMounts {
		at, of := path.Clean(mount.MountPath), mount.SubPath
		whole := at == dir && of == "" && mount.SubPathExpr == ""
		file := path.Dir(at) == dir && of != "" && !strings.Contains(of, "/")
		if !whole && !file {
			continue
		}
		i := volumeIndex(p.deployment.Spec.Template.Spec.Volumes, mount.Name)
		if i < 0 {
			continue
		}
		for _, m := range mountedOf(p.deployment.Spec.Template.Spec.Volumes[i]) {
			if file {
				m = m.only(of, path.Base(at))
			}
			out = append(out, m)
		}
	}
	return out
}

// only is one file of a volume under the name at which it is mounted.
func (m Mounted) only(file, as string) Mounted {
	key, found := m.Key(file)
	m.Keys = map[string]string{}
	if found {
		m.Keys[as] = key
	}
	return m
}

func mountedOf(v corev1.Volume) []Mounted {
	sources, known := projections(v)
	if !known {
		return []Mounted{{Volume: v.Name}}
	}
	out := make([]Mounted, 0, len(sources))
	for _, s := range sources {
		m := Mounted{Volume: v.Name}
		switch {
		case s.Secret != nil:
			m.Source, m.Keys, m.Optional = Source{Kind: SourceSecret, Name: s.Secret.Name}, keysOf(s.Secret.Items), isTrue(s.Secret.Optional)
		case s.ConfigMap != nil:
			m.Source, m.Keys, m.Optional = Source{Kind: SourceConfigMap, Name: s.ConfigMap.Name}, keysOf(s.ConfigMap.Items), isTrue(s.ConfigMap.Optional)
		case s.ClusterTrustBundle != nil && s.ClusterTrustBundle.Name != nil:
			m.Source = Source{Kind: SourceClusterTrustBundle, Name: *s.ClusterTrustBundle.Name}
			m.Keys, m.Optional = map[string]string{s.ClusterTrustBundle.Path: KeyTrustBundle}, isTrue(s.ClusterTrustBundle.Optional)
		}
		out = append(out, m)
	}
	return out
}

func keysOf(items []corev1.KeyToPath) map[string]string {
	if len(items) == 0 {
		return nil
	}
	keys := map[string]string{}
	for _, item := range items {
		keys[path.Clean(item.Path)] = item.Key
	}
	return keys
}

func isTrue(value *bool) bool { return value != nil && *value }

// MountedFile is the object, and the key in it, that a container sees as file;
// of two, the last, as the kubelet has it.
func MountedFile(mounted []Mounted, file string) (Mounted, string, bool) {
	for _, m := range slices.Backward(mounted) {
		if key, found := m.Key(file); found {
			return m, key, true
		}
	}
	return Mounted{}, "", false
}
