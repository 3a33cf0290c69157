package serving

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/clock"

	"github.com/keda-trust/keda-trust/injector"
)

const (
	// DefaultCALifetime is how long a CA is valid. It is renewed at two thirds.
	DefaultCALifetime = 365 * 24 * time.Hour
	// MaxLeafLifetime is the longest lifetime of a leaf, and the default.
	MaxLeafLifetime = 24 * time.Hour
	// DefaultDwell is how long a CA is in the caBundle before it signs.
	DefaultDwell = 5 * time.Minute
	// MinForcedDwell is the shortest dwell that Validate allows, and the default
	// when a rotation is forced: nobody can see that every API server has read
	// the caBundle, so it has to be given time. It is also the longest
	// timeoutSeconds, for which a call can go by the caBundle of its beginning.
	MinForcedDwell = 30 * time.Second

	defaultRecheck = time.Minute
)

// Policy holds the durations that the rotation is decided with.
type Policy struct {
	// CALifetime is the validity of a new CA from the moment it is made.
	// DefaultCALifetime if zero.
	CALifetime time.Duration
	// LeafLifetime is the validity of a new leaf, never beyond that of its CA.
	// MaxLeafLifetime if zero.
	LeafLifetime time.Duration
	// Dwell is the time between a CA's publication and its first signature, and
	// is added to a leaf's lifetime before its CA is dropped. DefaultDwell if zero.
	Dwell time.Duration
	// ForcedDwell replaces Dwell before the first signature when the rotation was
	// forced. MinForcedDwell if zero.
	ForcedDwell time.Duration
}

// Options configure New. Only Namespace and Address have no default.
type Options struct {
	Policy

	// Namespace is keda-trust's own: that of the Secret and the Service.
	Namespace string
	// Address is where this process listens for admission, as host:port, for the
	// handshake with itself. A listener on all addresses is "127.0.0.1:PORT".
	Address string
	// ServiceName is the Service that the API server calls; its DNS names are on
	// every leaf. injector.ServiceName if empty.
	ServiceName string
	// Hosts are further DNS names and IP addresses for the leaf, for a webhook
	// that is called by URL.
	Hosts []string
	// SecretName is the Secret of the CAs. injector.ServingSecret if empty.
	SecretName string
	// ConfigurationName is the MutatingWebhookConfiguration whose caBundles are
	// kept. injector.WebhookConfigurationName if empty.
	ConfigurationName string
	// Recheck bounds how long a decision that time alone can change stays
	// unnoticed: timers stop while a machine is suspended. A minute if zero.
	Recheck time.Duration
	// Clock is the time of CAs, leaves and the rotation. The renewal of a leaf
	// within its CA follows the system's clock. The system's if nil.
	Clock clock.PassiveClock
}

// Validate reports every value that must not be set in a cluster. New is more
// permissive, so that a test need not wait for half a minute.
func (o Options) Validate(path *field.Path) field.ErrorList {
	o = o.withDefaults()
	var faults field.ErrorList
	least := func(name string, value, floor time.Duration) {
		if value < floor {
			faults = append(faults, field.Invalid(path.Child(name), value.String(), fmt.Sprintf("must be at least %s", floor)))
		}
	}
	least("dwell", o.Dwell, MinForcedDwell)
	least("forcedDwell", o.ForcedDwell, MinForcedDwell)
	least("leafLifetime", o.LeafLifetime, time.Hour)
	least("caLifetime", o.CALifetime, 6*(o.LeafLifetime+o.Dwell))
	if o.LeafLifetime > MaxLeafLifetime {
		faults = append(faults, field.Invalid(path.Child("leafLifetime"), o.LeafLifetime.String(), fmt.Sprintf("must be at most %s", MaxLeafLifetime)))
	}
	for i, host := range o.Hosts {
		// One that no certificate can have would keep every leaf from being signed.
		if net.ParseIP(host) == nil && len(validation.IsDNS1123Subdomain(strings.TrimPrefix(host, "*."))) > 0 {
			faults = append(faults, field.Invalid(path.Child("hosts").Index(i), host, "must be an IP address or a DNS name"))
		}
	}
	if err := o.check(); err != nil {
		faults = append(faults, field.Invalid(path, o.Address, err.Error()))
	}
	return faults
}

func (o Options) check() error {
	var faults []error
	if o.Namespace == "" {
		faults = append(faults, errors.New("the namespace of the serving Secret must be set"))
	}
	if _, _, err := net.SplitHostPort(o.Address); err != nil {
		faults = append(faults, fmt.Errorf("reading the listener's address %q, host:port is allowed: %w", o.Address, err))
	}
	if min(o.CALifetime, o.LeafLifetime, o.Dwell, o.ForcedDwell, o.Recheck) <= 0 {
		faults = append(faults, errors.New("lifetimes, dwells and the recheck interval must be positive"))
	}
	return errors.Join(faults...)
}

func (o Options) withDefaults() Options {
	o.CALifetime = valueOr(o.CALifetime, DefaultCALifetime)
	o.LeafLifetime = valueOr(o.LeafLifetime, MaxLeafLifetime)
	o.Dwell = valueOr(o.Dwell, DefaultDwell)
	o.ForcedDwell = valueOr(o.ForcedDwell, MinForcedDwell)
	o.Recheck = valueOr(o.Recheck, defaultRecheck)
	o.ServiceName = valueOr(o.ServiceName, injector.ServiceName)
	o.SecretName = valueOr(o.SecretName, injector.ServingSecret)
	o.ConfigurationName = valueOr(o.ConfigurationName, injector.WebhookConfigurationName)
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return o
}

func valueOr[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func (o Options) secretKey() types.NamespacedName {
	return types.NamespacedName{Namespace: o.Namespace, Name: o.SecretName}
}

// serverName is the name that the API server expects of a Service's webhook.
func (o Options) serverName() string {
	return o.ServiceName + "." + o.Namespace + ".svc"
}

func (o Options) dnsNames() []string {
	names := []string{o.serverName(), o.ServiceName + "." + o.Namespace, o.ServiceName}
	for _, host := range o.Hosts {
		if net.ParseIP(host) == nil {
			names = append(names, host)
		}
	}
	return names
}

func (o Options) ipAddresses() []net.IP {
	var addresses []net.IP
	for _, host := range o.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			addresses = append(addresses, ip)
		}
	}
	return addresses
}
