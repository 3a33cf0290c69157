package webhook

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/keda-trust/keda-trust/webhook/serving"
)

// Options configure Run. Serving holds what concerns the webhook's own
// certificate; its Address follows from Port.
type Options struct {
	Serving serving.Options

	// Port is where admission listens, on all addresses.
	Port int
	// MetricsAddress and HealthAddress are host:port, ":port", or "0" for none.
	MetricsAddress, HealthAddress string
	// KEDANamespaces are those in which keda-trust was granted its Roles.
	KEDANamespaces []string
	// ConvergenceTimeout is how long a change of KEDA's certificate waits, at each of
	// its stages, for pods that cannot be looked at. At least a second: to wait for
	// nobody is what the annotation for an immediate rotation is for.
	ConvergenceTimeout time.Duration
	// LeaderElection is off only where there is one process, outside a cluster.
	LeaderElection bool
	// ShutdownDelay is how long admission is served after the process was told to
	// stop: as long as endpoint lists may still name it.
	ShutdownDelay time.Duration
	// Now is the clock of the controllers of KEDA's namespaces; nil for the
	// machine's. The webhook's own certificate has Serving.Clock.
	Now func() time.Time
}

// Validate reports every fault at once.
func (o Options) Validate() field.ErrorList {
	var faults field.ErrorList
	root := field.NewPath("options")
	if o.Port < 1 || o.Port > 65535 {
		faults = append(faults, field.Invalid(root.Child("port"), o.Port, "must be from 1 to 65535"))
	}
	if len(o.KEDANamespaces) == 0 {
		faults = append(faults, field.Required(root.Child("kedaNamespaces"), "keda-trust has rights in named namespaces only"))
	}
	for i, namespace := range o.KEDANamespaces {
		at := root.Child("kedaNamespaces").Index(i)
		for _, fault := range validation.IsDNS1123Label(namespace) {
			faults = append(faults, field.Invalid(at, namespace, fault))
		}
		if slices.Contains(o.KEDANamespaces[:i], namespace) {
			faults = append(faults, field.Duplicate(at, namespace))
		}
	}
	faults = append(faults, validateAddress(root.Child("metricsAddress"), o.MetricsAddress)...)
	faults = append(faults, validateAddress(root.Child("healthAddress"), o.HealthAddress)...)
	if o.ConvergenceTimeout < time.Second {
		faults = append(faults, field.Invalid(root.Child("convergenceTimeout"), o.ConvergenceTimeout.String(), "must be at least 1s"))
	}
	if o.ShutdownDelay < 0 {
		faults = append(faults, field.Invalid(root.Child("shutdownDelay"), o.ShutdownDelay.String(), "must not be negative"))
	}
	if o.Serving.Namespace == "" {
		return append(faults, field.Required(root.Child("serving", "namespace"), "the Secret of the serving certificate is in it"))
	}
	return append(faults, o.serving().Validate(root.Child("serving"))...)
}

func validateAddress(path *field.Path, address string) field.ErrorList {
	if address == "0" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return field.ErrorList{field.Invalid(path, address, `must be host:port, ":port", or "0" for none`)}
	}
	return nil
}

func (o Options) serving() serving.Options {
	own := o.Serving
	own.Address = fmt.Sprintf("127.0.0.1:%d", o.Port)
	return own
}
