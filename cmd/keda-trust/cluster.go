package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// requestTimeout ends a look at an API server that does not answer.
const requestTimeout = 30 * time.Second

// clusterFlags are those of the commands that look at a cluster.
type clusterFlags struct {
	namespace  string
	kubeconfig string
	context    string
}

func (f *clusterFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.namespace, "namespace", "n", injector.DefaultKEDANamespace, "namespace of KEDA")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig file; $KUBECONFIG, ~/.kube/config or the pod's own account if not given")
	flags.StringVar(&f.context, "context", "", "context of the kubeconfig; its current one if not given")
}

func (f *clusterFlags) validate() []error {
	if msgs := validation.IsDNS1123Label(f.namespace); len(msgs) > 0 {
		return []error{fmt.Errorf("--namespace: %q: %s", f.namespace, strings.Join(msgs, "; "))}
	}
	return nil
}

// connect finds the cluster as kubectl does, and says nothing of what its API
// server warns of: that is about kinds, not about KEDA.
func (f *clusterFlags) connect() (*rest.Config, client.Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: f.context}).ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, nil, fmt.Errorf("reading the kubeconfig: there is none at %s, and this is no pod; give --kubeconfig", strings.Join(rules.GetLoadingPrecedence(), ", "))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.WarningHandler = rest.NoWarnings{}
	config.QPS, config.Burst = 50, 100 // one look is a few dozen requests
	config.Timeout = requestTimeout
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiregistrationv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, nil, fmt.Errorf("building the scheme: %w", err)
		}
	}
	reader, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to %s: %w", config.Host, err)
	}
	return config, reader, nil
}
