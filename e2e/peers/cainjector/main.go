// Command cainjector is cert-manager's cainjector as a process of its own: its
// public package with the manager options of its own main, which is in a module
// that is not served.
//
// Two things differ from cert-manager's chart. Without --certificates, Certificates
// are no source, which spares it a kind to watch and a cluster that is measured the
// CRD; a Secret is one. And the metrics server is off, as it is for whoever this is
// measured beside.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	cmscheme "github.com/cert-manager/cert-manager/pkg/client/clientset/versioned/scheme"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	"github.com/cert-manager/cert-manager/pkg/util"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubescheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

func main() {
	certificates := flag.Bool("certificates", false, "read CAs of Certificates, too, whose kind has to be there")
	flag.Parse() // controller-runtime has registered --kubeconfig
	ctrl.SetLogger(klog.Background())
	if err := run(*certificates); err != nil {
		fmt.Fprintln(os.Stderr, "cainjector:", err)
		os.Exit(1)
	}
}

func run(certificates bool) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	options, err := options()
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(named(config), options)
	if err != nil {
		return fmt.Errorf("setting up the manager: %w", err)
	}
	ctx := ctrl.SetupSignalHandler()
	if err := cainjector.RegisterAllInjectors(ctx, mgr, cainjector.SetupOptions{
		EnableCertificatesDataSource: certificates,
		EnabledReconcilersFor: map[string]bool{
			cainjector.MutatingWebhookConfigurationName:   true,
			cainjector.ValidatingWebhookConfigurationName: true,
			cainjector.APIServiceName:                     true,
			cainjector.CustomResourceDefinitionName:       true,
		},
	}); err != nil {
		return fmt.Errorf("registering the injectors: %w", err)
	}
	return mgr.Start(ctx)
}

// named makes it write under the name that cert-manager writes under.
func named(config *rest.Config) *rest.Config {
	return util.RestConfigWithUserAgent(config, "cainjector")
}

// options are those of cert-manager's own main, with the defaults of its flags.
func options() (ctrl.Options, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		kubescheme.AddToScheme, cmscheme.AddToScheme, apiextensionsv1.AddToScheme, apiregistrationv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return ctrl.Options{}, fmt.Errorf("building the scheme: %w", err)
		}
	}
	lease, renew, retry := 60*time.Second, 40*time.Second, 15*time.Second
	return ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cache.Options{ReaderFailOnMissingInformer: true},
		Client:                        client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
		LeaderElection:                true,
		LeaderElectionNamespace:       "kube-system",
		LeaderElectionID:              "cert-manager-cainjector-leader-election",
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
		Metrics:                       metricsserver.Options{BindAddress: "0"},
	}, nil
}
