package clustertest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// StartControllers runs those controllers of Kubernetes that make ReplicaSets of
// Deployments and Pods of ReplicaSets, until tb ends. Nobody runs the Pods.
func StartControllers(tb testing.TB, environment *envtest.Environment) {
	tb.Helper()
	program := filepath.Join(Assets(tb), "kube-controller-manager")
	if _, err := os.Stat(program); err != nil {
		tb.Fatalf("%v: run these tests with make test, which builds it", err)
	}
	kubeconfig := filepath.Join(tb.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, environment.KubeConfig, 0o600); err != nil {
		tb.Fatalf("writing the kubeconfig of the controllers: %v", err)
	}
	var said bytes.Buffer
	command := exec.Command(program, "--kubeconfig="+kubeconfig, "--controllers=deployment-controller,replicaset-controller",
		"--leader-elect=false", "--secure-port=0", "--kube-api-qps=200", "--kube-api-burst=400")
	command.Stdout, command.Stderr = &said, &said
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		tb.Fatalf("starting the controllers: %v", err)
	}
	tb.Cleanup(func() {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			tb.Errorf("the controllers ended by themselves (%v): %s", err, said.String())
		}
		_ = command.Wait() // by the signal
	})
}
