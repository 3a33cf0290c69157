package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook"
	"github.com/keda-trust/keda-trust/webhook/serving"
	"github.com/keda-trust/keda-trust/webhook/trust"
)

type webhookFlags struct {
	webhook.Options
	kubeconfig string
	logLevel   int
}

func newWebhook() *cobra.Command {
	var flags webhookFlags
	c := &cobra.Command{
		Use:   "webhook",
		Short: "Serve admission and run the controllers in a cluster",
		Long: `Serves the mutating webhook of keda-trust, keeps its serving certificate, and
publishes the state of each installation of KEDA in the namespaces that
--keda-namespaces names. Replicas share the work: all of them serve, one leads.

Inside a pod the defaults fit; the chart sets what differs. Outside, give
--kubeconfig, --namespace and, for a webhook configuration with a url, the host
of that url in --serving-hosts.

It is ready (/readyz) once a handshake with itself verifies against the caBundle
that the cluster stores. Told to stop by SIGTERM, it gives up the lead and is
unready at once, and serves for --shutdown-delay more.`,
		Example: `  keda-trust webhook --kubeconfig=$HOME/.kube/config --namespace=keda-trust --serving-hosts=127.0.0.1`,
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	flags.register(c)
	return c
}

func (w *webhookFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&w.Serving.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace of keda-trust itself; $POD_NAMESPACE if not given")
	f.StringSliceVar(&w.KEDANamespaces, "keda-namespaces", []string{injector.DefaultKEDANamespace}, "namespaces of KEDA in which keda-trust was granted its Roles")
	f.StringVar(&w.Serving.ServiceName, "service-name", injector.ServiceName, "Service through which the API server calls the webhook")
	f.StringVar(&w.Serving.SecretName, "secret-name", injector.ServingSecret, "Secret that holds the CAs of the serving certificate")
	f.StringVar(&w.Serving.ConfigurationName, "webhook-configuration", injector.WebhookConfigurationName, "MutatingWebhookConfiguration whose caBundles are kept")
	f.StringSliceVar(&w.Serving.Hosts, "serving-hosts", nil, "further DNS names and IP addresses of the serving certificate, for a webhook that is called by url")
	f.IntVar(&w.Port, "webhook-port", 9443, "port on which admission is served")
	f.StringVar(&w.MetricsAddress, "metrics-bind-address", ":8080", `address of /metrics, "0" for none`)
	f.StringVar(&w.HealthAddress, "health-probe-bind-address", ":8081", `address of /healthz and /readyz, "0" for none`)
	f.BoolVar(&w.LeaderElection, "leader-elect", true, "let one of the replicas lead; false only where there is one process")
	f.DurationVar(&w.Serving.LeafLifetime, "leaf-lifetime", serving.MaxLeafLifetime, "lifetime of the serving certificate of one replica, from 1h to 24h")
	f.DurationVar(&w.Serving.CALifetime, "ca-lifetime", serving.DefaultCALifetime, "lifetime of the CA of the serving certificates; it is renewed at two thirds")
	f.DurationVar(&w.Serving.Dwell, "ca-dwell", serving.DefaultDwell, "time between the publication of a CA and its first use, at least 30s")
	f.DurationVar(&w.ConvergenceTimeout, "convergence-timeout", trust.DefaultConvergenceTimeout, "how long each stage of a change of KEDA's certificate waits for pods that cannot be looked at, at least 1s")
	f.DurationVar(&w.ShutdownDelay, "shutdown-delay", 10*time.Second, "how long to serve on, unready, after SIGTERM")
	f.IntVar(&w.logLevel, "log-level", 0, "0, or 1 for one line an admission and more")
	f.StringVar(&w.kubeconfig, "kubeconfig", "", "kubeconfig file, for a process outside of the cluster; the pod's own account if not given")
}

func (w *webhookFlags) run(c *cobra.Command) error {
	if err := w.validate(); err != nil {
		return exitError{exitUsage, err}
	}
	log := newLogger(c.ErrOrStderr(), w.logLevel)
	ctrl.SetLogger(log)
	klog.SetLogger(log)
	config, err := w.restConfig()
	if err != nil {
		return exitError{exitUsage, err}
	}
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := webhook.Run(ctx, config, w.Options); err != nil {
		return exitError{exitRefused, err}
	}
	return nil
}

// flagOf says which flag sets an option, for messages.
var flagOf = map[string]string{
	"options.port":                 "--webhook-port",
	"options.kedaNamespaces":       "--keda-namespaces",
	"options.metricsAddress":       "--metrics-bind-address",
	"options.healthAddress":        "--health-probe-bind-address",
	"options.convergenceTimeout":   "--convergence-timeout",
	"options.shutdownDelay":        "--shutdown-delay",
	"options.serving.namespace":    "--namespace",
	"options.serving.hosts":        "--serving-hosts",
	"options.serving.leafLifetime": "--leaf-lifetime",
	"options.serving.caLifetime":   "--ca-lifetime",
	"options.serving.dwell":        "--ca-dwell",
}

// validate returns every fault, named as the flags are.
func (w *webhookFlags) validate() error {
	var faults field.ErrorList
	name := func(flag, value string, check func(string) []string) {
		for _, fault := range check(value) {
			faults = append(faults, field.Invalid(field.NewPath("--"+flag), value, fault))
		}
	}
	name("namespace", w.Serving.Namespace, validation.IsDNS1123Label)
	name("service-name", w.Serving.ServiceName, validation.IsDNS1035Label)
	name("secret-name", w.Serving.SecretName, validation.IsDNS1123Subdomain)
	name("webhook-configuration", w.Serving.ConfigurationName, validation.IsDNS1123Subdomain)
	if w.logLevel < 0 || w.logLevel > 1 {
		faults = append(faults, field.Invalid(field.NewPath("--log-level"), w.logLevel, "must be 0 or 1"))
	}
	var lines []error
	for _, fault := range append(faults, w.Validate()...) {
		option, index, _ := strings.Cut(fault.Field, "[")
		if flag, known := flagOf[option]; known {
			fault.Field = flag
			if index != "" {
				fault.Field += "[" + index
			}
		}
		lines = append(lines, fault)
	}
	return errors.Join(lines...)
}

func (w *webhookFlags) restConfig() (*rest.Config, error) {
	if w.kubeconfig == "" {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("reading the pod's account (outside of a pod, give --kubeconfig): %w", err)
		}
		return config, nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", w.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading --kubeconfig %s: %w", w.kubeconfig, err)
	}
	return config, nil
}

// newLogger writes JSON lines; level 1 shows V(1).
func newLogger(out io.Writer, level int) logr.Logger {
	return logr.FromSlogHandler(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.Level(-level)}))
}
