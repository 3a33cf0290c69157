package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/keda-trust/keda-trust/e2e/local"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/injector"
)

// story is what was asked for on the command line.
type story struct {
	root   string // the checkout
	binary string // keda-trust
	once   bool
}

// stage is what the steps share.
type stage struct {
	story
	out     *printer
	dir     string // everything that the demo writes
	release []*unstructured.Unstructured
	cluster *local.Cluster
	server  *local.Server
	team    *team
	seen    map[string]*unstructured.Unstructured // by title, as stored last
}

// tell goes through all steps and cleans up after them, however they end.
func tell(ctx context.Context, out *printer, s story) (err error) {
	dir, err := os.MkdirTemp("", "keda-trust-demo-")
	if err != nil {
		return fmt.Errorf("creating a directory: %w", err)
	}
	st := &stage{story: s, out: out, dir: dir, seen: map[string]*unstructured.Unstructured{}}
	defer func() { err = errors.Join(err, st.close()) }()
	for _, step := range []func(context.Context) error{st.start, st.before, st.install, st.enable, st.admit, st.rotate} {
		if err := step(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if s.once {
		out.step("Every object came out as it should.")
		return nil
	}
	st.invite()
	select {
	case <-ctx.Done():
		out.step("Stopping.")
		return nil
	case <-st.server.Exited():
		return fmt.Errorf("keda-trust ended by itself, so nothing is injected any more\n%s", st.server.LastWords())
	}
}

// close stops the processes, newest first, and removes the directory.
func (st *stage) close() error {
	var faults []error
	if st.server != nil {
		faults = append(faults, st.server.Stop())
	}
	if st.cluster != nil {
		faults = append(faults, st.cluster.Stop())
	}
	return errors.Join(append(faults, os.RemoveAll(st.dir))...)
}

// file is a path in the demo's directory.
func (st *stage) file(name string) string {
	return filepath.Join(st.dir, name)
}

func (st *stage) start(ctx context.Context) error {
	var err error
	if st.release, err = local.KEDARelease(ctx); err != nil {
		return err
	}
	if st.cluster, err = local.StartCluster(); err != nil {
		return err
	}
	st.out.step("A control plane: kube-apiserver %s and etcd.", st.cluster.Version)
	return st.cluster.WriteKubeconfig(st.file("kubeconfig"), "admin", "system:masters")
}

// before keeps what KEDA's objects are without keda-trust.
func (st *stage) before(ctx context.Context) error {
	if _, err := st.cluster.Apply(ctx, namespace(injector.DefaultKEDANamespace)); err != nil {
		return err
	}
	for _, object := range local.Subjects(st.release) {
		stored, err := st.cluster.Preview(ctx, object)
		if err != nil {
			return err
		}
		st.seen[local.Title(object)] = stored
	}
	st.out.step("KEDA %s, rendered from its own module: %d objects, of which %d concern us.",
		local.KEDAVersion, len(st.release), len(st.seen))
	st.out.say("A dry run has kept what they look like without keda-trust.")
	return nil
}

// invite says what can be tried while the demo stays up.
func (st *stage) invite() {
	st.out.step("Everything stays up until you interrupt it (Ctrl-C).")
	st.out.say(`
  export KUBECONFIG=%[1]s

Three things to try, the first two with kubectl:

  A typo is refused where it is written:
    kubectl annotate namespace keda %[3]s=roots --overwrite

  Take out what was injected, of the operator at once. Here are no pods, for which
  the other two wait:
    kubectl label namespace keda %[4]s=disabled --overwrite
    kubectl get deployments -n keda -L keda-trust.io/state

  See the same without a cluster:
    %[5]s inject -f %[2]s --certificate secret/%[6]s --ca-bundle %[8]s

keda-trust logs to %[7]s.`,
		st.file("kubeconfig"), st.file("keda.yaml"), injector.AnnotationCustomCA, injector.LabelInject,
		st.binary, certificateSecret, st.file("keda-trust.log"), st.file("ca.crt"))
}
