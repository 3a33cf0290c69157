package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
)

// contender is one of those that are measured.
type contender interface {
	name() string
	// program is the package of its main, in the module that stands in module().
	program() (module, program string)
	// dependency is the module whose version counts; its own if empty.
	dependency() string
	// source is the Secret that is changed, as it first is.
	source(m *material) *corev1.Secret
	// served names the Secret that KEDA's pods would have mounted.
	served() string
	// prunes says whether a CA that has been replaced is taken out again.
	prunes() bool
	// prepare makes what has to be there before it starts.
	prepare(ctx context.Context, t *turn) error
	// enlist says to it, once it runs, that KEDA is to be looked after.
	enlist(ctx context.Context, t *turn) error
	// adjust changes an object of KEDA's release as its users have to.
	adjust(object *unstructured.Unstructured)
	// start starts its process. Where it waits for consumers that it cannot
	// reach, it waits for no longer than patience.
	start(ctx context.Context, t *turn, patience time.Duration) (*local.Process, error)
}

// everybody is who takes part.
func everybody() []contender { return []contender{&ours{}, cainjector{}, certController{}} }

// orderOf is that of one round: nobody is always the first, when the machine has
// rested, or comes always after the same.
func orderOf(all []contender, round int) []contender {
	order := make([]contender, len(all))
	for i := range all {
		order[i] = all[(i+round)%len(all)]
	}
	return order
}

// versionOf is read from the program, which is what was measured.
func versionOf(binary, dependency string) (string, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", fmt.Errorf("reading what %s was built from: %w", filepath.Base(binary), err)
	}
	if dependency == "" {
		// Go knows no other word for a checkout that it cannot ask.
		return strings.Replace(info.Main.Version, "(devel)", "of this checkout", 1), nil
	}
	for _, module := range info.Deps {
		if module.Path == dependency {
			return module.Version, nil
		}
	}
	return "", fmt.Errorf("reading what %s was built from: %s is not in it", filepath.Base(binary), dependency)
}

// data is what a Secret holds of material; cert-controller's holds one key more.
func (m *material) data() map[string][]byte {
	return map[string][]byte{"tls.crt": m.Certificate, "tls.key": m.Key, "ca.crt": m.CA}
}

// startPeer runs a peer with an account of its own that may do everything. It is
// a service account, as keda-trust's is, for the API server queues requests by
// who sends them.
func (t *turn) startPeer(ctx context.Context, flags ...string) (*local.Process, error) {
	name := t.contender.name()
	kubeconfig := t.file(name + ".kubeconfig")
	if err := t.cluster.WriteKubeconfig(kubeconfig, accountOf(name), "system:serviceaccounts", "system:serviceaccounts:"+name); err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, t.binary, append([]string{"--kubeconfig=" + kubeconfig}, flags...)...)
	return local.StartProcess(name, t.file(name+".log"), command)
}

func accountOf(name string) string { return "system:serviceaccount:" + name + ":" + name }

// empower lets a peer do everything.
func (t *turn) empower(ctx context.Context) error {
	name := t.contender.name()
	_, err := t.client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: accountOf(name)}},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("giving %s its rights: %w", name, err)
	}
	return nil
}
