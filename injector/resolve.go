package injector

import "time"

// ResolveInput is everything that the decision depends on.
type ResolveInput struct {
	Options      Options
	Installation Installation
	// Contents holds [Options.Objects] of the installation.
	Contents Contents
	// Published are the custom CAs that are published, nil where nothing is. They stay
	// where a source of custom CAs is refused, so that no certificate, and no
	// emergency, waits for it.
	Published *CustomCAs
	Now       time.Time
	// Offline is the CLI: pods mount the named Secret itself, and what is not
	// in Contents is not proven rather than a fault.
	Offline bool
}

// CustomCAs are what KEDA's scalers trust, and where it is mounted; the directory is
// empty for none.
type CustomCAs struct {
	Dir string
	CAs Bundle
}

// Resolution is the decision with everything that has to be published for it.
type Resolution struct {
	// State is nil where a finding is a fault: then nothing may change. A refused
	// source of custom CAs is an exception where others stand.
	State *State
	// Secret holds tls.crt, tls.key and ca.crt for PublishedSecret; nil where
	// no certificate is published, as when KEDA is the issuer.
	Secret map[string][]byte
	// Leaf is what Secret holds, parsed.
	Leaf Leaf
	// CustomCA is the PEM for PublishedCAKey in State.CustomCAConfigMap.
	CustomCA []byte
	// CustomCAs is CustomCA, parsed; CA is what verifies the certificate.
	CustomCAs Bundle
	CA        Bundle
	// Revisit is when the answer changes by time alone: the certificate
	// becomes valid, or expires. Zero where it does not.
	Revisit time.Time
	// Findings are all faults and warnings.
	Findings []Finding
}

// Resolve decides what an installation of KEDA is to carry. Names follow from
// content, so everybody who resolves the same input arrives at the same State.
// Every fault is told at once, and with any of them State is nil, but for those of
// custom CAs where others stand: then those are what it names.
func Resolve(in ResolveInput) Resolution {
	r := resolver{in: in}
	if reason, message := in.Installation.StandBack(); reason != "" {
		r.add(fault(reason, r.namespaceObject(), "", "%s; this installation is left as it is", message))
		return r.out
	}
	r.ownSources()
	decided := r.certificate()
	r.customCAs()
	if r.faulty() || !decided {
		return r.refused()
	}
	r.state.CertDir, r.state.ManualRollout = in.Options.CertDir, in.Options.ManualRollout
	if r.components(); r.faulty() {
		return r.refused()
	}
	r.checkWebhookName()
	if err := r.state.Seal(); err != nil {
		r.add(fault(ReasonObjectInvalid, r.namespaceObject(), "", "%v", err))
		return r.refused()
	}
	r.out.State = &r.state
	return r.out
}

type resolver struct {
	in    ResolveInput
	state State
	out   Resolution
	// tolerated are the faults in spite of which there is a state.
	tolerated int
}

func (r *resolver) faulty() bool { return len(Faults(r.out.Findings)) > r.tolerated }

// refused keeps what explains the decision and drops what could be published.
func (r *resolver) refused() Resolution {
	return Resolution{Findings: r.out.Findings, Revisit: r.out.Revisit}
}

func (r *resolver) add(findings ...Finding) { r.out.Findings = append(r.out.Findings, findings...) }

func (r *resolver) namespace() string { return r.in.Installation.Namespace }

func (r *resolver) namespaceObject() string { return "Namespace " + r.namespace() }

// option is where an option stands, for findings about what it says.
func (r *resolver) option(key string) origin { return r.in.Options.origin(r.namespace(), key) }
