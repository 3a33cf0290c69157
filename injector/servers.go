package injector

import (
	"net"
	"strconv"
	"strings"
)

// Ports that KEDA's components serve on where their flags do not say otherwise.
const (
	defaultOperatorPort = 9666
	defaultMetricsPort  = 6443
	defaultWebhooksPort = 9443
)

// Server is where a component serves the certificate.
type Server struct {
	Component Component
	// Service is its name in the installation's namespace, Port that of the pods.
	Service string
	Port    int
	// Name is the DNS name for which clients verify the certificate.
	Name string
}

// Servers are those of the components that are there, as far as their names are
// known: where a change of certificate has to arrive, and where it can be seen.
func (i Installation) Servers() []Server {
	var out []Server
	add := func(component Component, port func(part) int, host, name string) {
		p, there := i.part(component)
		if service, _, _ := strings.Cut(host, "."); there && service != "" && name != "" {
			out = append(out, Server{Component: component, Service: service, Port: port(p), Name: name})
		}
	}
	for _, name := range i.webhookNames() {
		add(ComponentAdmissionWebhooks, func(p part) int { return i.port(p, flagPort, defaultWebhooksPort) }, name, name)
	}
	for _, name := range i.metricsNames() {
		add(ComponentMetricsAPIServer, func(p part) int { return i.port(p, flagSecurePort, defaultMetricsPort) }, name, name)
	}
	add(ComponentOperator, func(p part) int { return i.port(p, flagMetricsBindAddress, defaultOperatorPort) }, i.operatorHost(), i.operatorName())
	return out
}

// port reads a flag whose value is a port or an address with one.
func (i Installation) port(p part, flag string, usual int) int {
	value, _ := p.flag(flag, i.Namespace)
	if _, port, err := net.SplitHostPort(value); err == nil {
		value = port
	}
	if port, err := strconv.ParseUint(value, 10, 16); err == nil && port > 0 {
		return int(port)
	}
	return usual
}
