package injector

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// defaultOperatorService is where the metrics-apiserver dials when it is not
// told; KEDA fills in its own namespace.
const defaultOperatorService = "keda-operator"

// ServiceNames are the DNS names that one certificate for all components must
// hold, sorted. Nothing is demanded for a component that is not visible.
func (i Installation) ServiceNames() []string {
	names := append(i.metricsNames(), i.webhookNames()...)
	if name := i.operatorName(); name != "" {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// operatorName is the name that the metrics-apiserver verifies when it dials
// the operator; where it is not visible, that of the operator's Service.
func (i Installation) operatorName() string {
	if metrics, ok := i.part(ComponentMetricsAPIServer); ok {
		return metrics.dialedName(i.Namespace)
	}
	return i.assumedOperatorName()
}

// operatorHost is where the metrics-apiserver dials, which is a Service of the
// operator, whatever name it then verifies.
func (i Installation) operatorHost() string {
	if metrics, ok := i.part(ComponentMetricsAPIServer); ok {
		return metrics.dialedHost(i.Namespace)
	}
	return i.assumedOperatorName()
}

func (i Installation) assumedOperatorName() string {
	operator, ok := i.part(ComponentOperator)
	if !ok {
		return ""
	}
	if operator.args.count(flagOperatorService) == 0 {
		return i.serviceName(operator.deployment.Name)
	}
	service, _ := operator.flag(flagOperatorService, i.Namespace)
	return i.serviceName(service)
}

// dialedName is the authority, which is no address, or else the host. It is empty
// where it depends on a variable that is not known.
func (p part) dialedName(namespace string) string {
	if text, _ := p.args.last(flagMetricsAuthority); text != "" {
		value, _ := p.flag(flagMetricsAuthority, namespace)
		return hostOf(value)
	}
	return p.dialedHost(namespace)
}

func (p part) dialedHost(namespace string) string {
	if text, _ := p.args.last(flagMetricsAddress); text != "" {
		value, _ := p.flag(flagMetricsAddress, namespace)
		return hostOf(value)
	}
	return fmt.Sprintf("%s.%s.svc.cluster.local", defaultOperatorService, namespace)
}

// hostOf takes the host out of a gRPC target: "host:port", "host" or
// "scheme://authority/host:port".
func hostOf(target string) string {
	if _, rest, ok := strings.Cut(target, "://"); ok {
		target = rest[strings.LastIndex(rest, "/")+1:]
	}
	if host, _, err := net.SplitHostPort(target); err == nil {
		target = host
	}
	return strings.TrimSuffix(target, ".")
}

func (i Installation) serviceName(service string) string {
	if service == "" {
		return ""
	}
	return fmt.Sprintf("%s.%s.svc", service, i.Namespace)
}

// metricsNames is the name under which the API server verifies the
// metrics-apiserver.
func (i Installation) metricsNames() []string {
	if i.APIService != nil {
		return []string{i.serviceName(i.APIService.Spec.Service.Name)}
	}
	return i.assumedName(ComponentMetricsAPIServer, flagMetricsService)
}

// webhookNames are the names under which the API server verifies the
// admission-webhooks.
func (i Installation) webhookNames() []string {
	if i.ValidatingWebhook == nil {
		return i.assumedName(ComponentAdmissionWebhooks, flagWebhooksService)
	}
	var names []string
	for _, service := range webhookServices(i.ValidatingWebhook, i.Namespace) {
		names = append(names, i.serviceName(service))
	}
	return names
}

// assumedName goes by what the operator is told, else by the Deployment's name,
// which is that of its Service but for keda-admission of the release manifests.
func (i Installation) assumedName(component Component, flag string) []string {
	d := i.Deployments[component]
	if d == nil {
		return nil
	}
	if operator, ok := i.part(ComponentOperator); ok && operator.args.count(flag) > 0 {
		if service, known := operator.flag(flag, i.Namespace); known && service != "" {
			return []string{i.serviceName(service)}
		}
		return nil
	}
	if component == ComponentAdmissionWebhooks && d.Name == "keda-admission" {
		return []string{i.serviceName("keda-admission-webhooks")}
	}
	return []string{i.serviceName(d.Name)}
}

// ValidatingWebhookName is what KEDA's ValidatingWebhookConfiguration is called:
// as the operator is told, else by KEDA's default.
func (i Installation) ValidatingWebhookName() string {
	if operator, ok := i.part(ComponentOperator); ok {
		if name, known := operator.flag(flagValidatingWebhook, i.Namespace); known && name != "" {
			return name
		}
	}
	return KEDAValidatingWebhook
}

// Unpatched is the flag by which KEDA's operator is told not to fill in the
// caBundle of a kind; empty where it does, or where that is not known.
func (i Installation) Unpatched(kind string) string {
	name := map[string]string{"APIService": flagAPIServicePatching, "ValidatingWebhookConfiguration": flagWebhookPatching}[kind]
	operator, ok := i.part(ComponentOperator)
	if !ok {
		return ""
	}
	value, _ := operator.flag(name, i.Namespace)
	if patches, err := strconv.ParseBool(value); err != nil || patches {
		return ""
	}
	return "--" + name + "=" + value
}

// webhookServices are the names of the Services in namespace that vwc calls.
func webhookServices(vwc *admissionregistrationv1.ValidatingWebhookConfiguration, namespace string) []string {
	var out []string
	for _, webhook := range vwc.Webhooks {
		service := webhook.ClientConfig.Service
		if service != nil && service.Namespace == namespace && !slices.Contains(out, service.Name) {
			out = append(out, service.Name)
		}
	}
	return out
}
