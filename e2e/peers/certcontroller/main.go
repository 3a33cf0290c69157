// Command certcontroller is open-policy-agent's cert-controller as a process to
// measure: its rotator, which is a library, with what KEDA's operator gives it,
// and nothing else of an operator around it.
//
// Two things differ from KEDA's operator: the lease is released on the way out,
// so that starting again needs not wait for it, and there are no metrics.
package main

import (
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/open-policy-agent/cert-controller/pkg/rotator"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

type flags struct {
	namespace, secret, certDir, apiService, webhooks, hosts string
}

func main() {
	var f flags
	flag.StringVar(&f.namespace, "namespace", "", "where the Secret is")
	flag.StringVar(&f.secret, "secret", "", "what it is called")
	flag.StringVar(&f.certDir, "cert-dir", "", "where its files would be mounted")
	flag.StringVar(&f.apiService, "api-service", "", "the APIService to write to")
	flag.StringVar(&f.webhooks, "webhook-configuration", "", "the ValidatingWebhookConfiguration to write to")
	flag.StringVar(&f.hosts, "hosts", "", "the names of the certificate, with commas")
	flag.Parse() // controller-runtime has registered --kubeconfig
	ctrl.SetLogger(klog.Background())
	if err := run(f); err != nil {
		fmt.Fprintln(os.Stderr, "certcontroller:", err)
		os.Exit(1)
	}
}

func run(f flags) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	config.QPS, config.Burst = 20, 30 // the defaults of KEDA's operator
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		LeaderElection:                true,
		LeaderElectionID:              "operator.keda.sh",
		LeaderElectionNamespace:       f.namespace,
		LeaderElectionReleaseOnCancel: true,
		Metrics:                       metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		return fmt.Errorf("setting up the manager: %w", err)
	}
	if err := rotator.AddRotator(mgr, f.rotator()); err != nil {
		return fmt.Errorf("adding the rotator: %w", err)
	}
	return mgr.Start(ctrl.SetupSignalHandler())
}

// rotator is set as in pkg/certificates of KEDA.
func (f flags) rotator() *rotator.CertRotator {
	hosts := strings.Split(f.hosts, ",")
	return &rotator.CertRotator{
		SecretKey:      types.NamespacedName{Namespace: f.namespace, Name: f.secret},
		CertDir:        f.certDir,
		CAName:         "KEDA",
		CAOrganization: "KEDAORG",
		DNSName:        hosts[0],
		ExtraDNSNames:  hosts,
		IsReady:        make(chan struct{}),
		Webhooks: []rotator.WebhookInfo{
			{Name: f.apiService, Type: rotator.APIService},
			{Name: f.webhooks, Type: rotator.Validating},
		},
		RestartOnSecretRefresh: true,
		RequireLeaderElection:  true,
		ExtKeyUsages:           &[]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}
