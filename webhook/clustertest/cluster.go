package clustertest

import (
	"net"
	"os"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// MissingAssets is what a test says that cannot start an API server.
const MissingAssets = "KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd: run these tests with make test, which finds or builds them"

// Start starts an API server that lives as long as tb, with an admin's Config
// that is not held back. What configure changes is set before the start.
func Start(tb testing.TB, configure ...func(*envtest.Environment)) *envtest.Environment {
	tb.Helper()
	environment := Environment(Assets(tb))
	for _, change := range configure {
		change(environment)
	}
	if _, err := environment.Start(); err != nil {
		tb.Fatalf("starting the API server: %v", err)
	}
	tb.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			tb.Errorf("stopping the API server: %v", err)
		}
	})
	environment.Config.QPS = -1
	return environment
}

// Environment is an API server that has not been started.
func Environment(assets string) *envtest.Environment {
	return &envtest.Environment{BinaryAssetsDirectory: assets, ControlPlaneStartTimeout: time.Minute}
}

// Assets is the directory of kube-apiserver and etcd; without one tb fails.
func Assets(tb testing.TB) string {
	tb.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		tb.Fatal(MissingAssets)
	}
	return assets
}

// FreePort is one that nobody listened on a moment ago.
func FreePort(tb testing.TB) int {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("looking for a free port: %v", err)
	}
	if err := listener.Close(); err != nil {
		tb.Fatalf("looking for a free port: %v", err)
	}
	return listener.Addr().(*net.TCPAddr).Port
}
