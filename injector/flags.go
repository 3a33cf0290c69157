package injector

// KEDA's flags that keda-trust reads or writes.
const (
	flagCertDir            = "cert-dir"
	flagCADir              = "ca-dir"
	flagCertRotation       = "enable-cert-rotation"
	flagCertSecretName     = "cert-secret-name"
	flagOperatorService    = "operator-service-name"
	flagMetricsService     = "metrics-server-service-name"
	flagWebhooksService    = "webhooks-service-name"
	flagValidatingWebhook  = "validating-webhook-name"
	flagClusterDomain      = "k8s-cluster-domain"
	flagWebhookPatching    = "enable-webhook-patching"
	flagAPIServicePatching = "enable-apiservice-patching"
	flagTLSCertFile        = "tls-cert-file"
	flagTLSPrivateKeyFile  = "tls-private-key-file"
	flagClientCAFile       = "client-ca-file"
	flagTLSMinVersion      = "tls-min-version"
	flagMetricsAddress     = "metrics-service-address"
	flagMetricsAuthority   = "metrics-service-grpc-authority"
	flagMetricsBindAddress = "metrics-service-bind-address"
	flagSecurePort         = "secure-port"
	flagPort               = "port"
)

// boolFlags never take the next element; pflag calls this NoOptDefVal.
var boolFlags = flagSet(flagCertRotation, flagWebhookPatching, flagAPIServicePatching,
	"leader-elect", "disable-compression", "logtostderr", "alsologtostderr", "zap-devel",
	"enable-prometheus-metrics", "enable-opentelemetry-metrics", "profiling", "contention-profiling",
	"add-dir-header", "one-output", "skip-headers", "skip-log-headers", "enable-http2", "version", "help")

// valueFlags take the next element whatever it looks like. A flag in neither
// list takes it where it does not look like a flag.
var valueFlags = flagSet(flagCertDir, flagCADir, flagCertSecretName, flagOperatorService, flagMetricsService,
	flagWebhooksService, flagClusterDomain, flagTLSCertFile, flagTLSPrivateKeyFile, flagClientCAFile,
	flagTLSMinVersion, flagMetricsAddress, flagMetricsAuthority, "k8s-cluster-name", flagValidatingWebhook,
	flagMetricsBindAddress, "metrics-bind-address", "health-probe-bind-address", "leader-election-id",
	flagPort, flagSecurePort, "v", "vmodule", "stderrthreshold", "zap-log-level", "zap-encoder", "zap-time-encoding",
	"tls-cipher-suites", "tls-sni-cert-key", "bind-address", "kubeconfig")

func flagSet(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}
