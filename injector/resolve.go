package injector

import (
	"fmt"
	"strings"
	"time"
)

// ResolveInput is everything that the decision depends on.
type ResolveInput struct {
	Options      Options
	Installation Installation
	// Contents holds [Options.Objects] of the installation.
	Contents Contents
	Now      time.Time
	// Offline is the CLI: pods mount the named Secret itself, and what is not
	// in Contents is not proven rather than a fault.
	Offline bool
}

// Resolution is the decision with everything that has to be published for it.
type Resolution struct {
	// State is nil where a finding is a fault: then nothing may change.
	State *State
	// Secret holds tls.crt, tls.key and ca.crt for PublishedSecret; nil where
	// no certificate is published, as when KEDA is the issuer.
	Secret map[string][]byte
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
// Every fault is told at once, and with any of them State is nil.
func Resolve(in ResolveInput) Resolution {
	r := resolver{in: in}
	if reason, message := in.Installation.StandBack(); reason != "" {
		r.add(fault(reason, r.namespaceObject(), "", "%s; this installation is left as it is", message))
		return r.out
	}
	r.ownSources()
	decided := r.certificate()
	r.customCAs()
	if len(Faults(r.out.Findings)) > 0 || !decided {
		return r.refused()
	}
	r.state.CertDir, r.state.ManualRollout = in.Options.CertDir, in.Options.ManualRollout
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
}

// refused keeps what explains the decision and drops what could be published.
func (r *resolver) refused() Resolution {
	return Resolution{Findings: r.out.Findings, Revisit: r.out.Revisit}
}

func (r *resolver) add(findings ...Finding) { r.out.Findings = append(r.out.Findings, findings...) }

func (r *resolver) namespace() string { return r.in.Installation.Namespace }

func (r *resolver) namespaceObject() string { return "Namespace " + r.namespace() }

func annotationField(key string) string { return "annotations[" + key + "]" }

// ownSources refuses what keda-trust publishes as its source: such a state
// would feed on itself and never follow what somebody changes.
func (r *resolver) ownSources() {
	refuse := func(key string, s Source) {
		secret := s.Kind == SourceSecret && s.Name == PublishedSecret
		configMap := s.Kind == SourceConfigMap && (s.Name == StateConfigMap || strings.HasPrefix(s.Name, PublishedCAPrefix))
		if secret || configMap {
			r.add(fault(ReasonOptionInvalid, r.namespaceObject(), annotationField(key), "%q is what keda-trust publishes; name its source", s))
		}
	}
	o := r.in.Options
	if o.Certificate != nil {
		refuse(AnnotationCertificate, *o.Certificate)
	}
	for _, s := range o.CertificateCA {
		refuse(AnnotationCertificateCA, s)
	}
	for _, s := range o.CustomCA {
		refuse(AnnotationCustomCA, s)
	}
}

// customCAs joins the sources in their order. A source that cannot be read
// whole is a fault: a CA that is silently missing is found in production.
func (r *resolver) customCAs() {
	var bundles []Bundle
	for _, s := range r.in.Options.CustomCA {
		if b, ok := r.bundle(s, ReasonCustomCAInvalid); ok {
			bundles = append(bundles, b)
		}
	}
	all := Union(bundles...)
	if all.Len() == 0 {
		return
	}
	pem := all.PEM()
	if len(pem) > MaxBundleBytes {
		r.add(fault(ReasonCustomCAInvalid, r.namespaceObject(), annotationField(AnnotationCustomCA),
			"the CAs together have %d bytes, allowed are %d, what a ConfigMap can hold; name fewer", len(pem), MaxBundleBytes))
	}
	r.state.CustomCADir = r.customCADir()
	r.state.CustomCAConfigMap = CustomCAConfigMapName(all)
	r.out.CustomCA, r.out.CustomCAs = pem, all
}

// customCADir also holds a directory against a certificate directory that no
// annotation names.
func (r *resolver) customCADir() string {
	dir, certDir := r.in.Options.CustomCADir, r.in.Options.CertDir
	if dir == "" {
		dir = DefaultCustomCADir
	}
	if operator, ok := r.in.Installation.part(ComponentOperator); ok && certDir == "" {
		certDir = certDirInUse(ComponentOperator, operator.container)
	}
	if certDir != "" && overlap(dir, certDir) {
		r.add(fault(ReasonOptionInvalid, r.namespaceObject(), annotationField(AnnotationCustomCADir),
			"%q and the certificate directory %q lie in one another; want two directories", dir, certDir))
	}
	return dir
}

// bundle reads one CA source and tells what is odd about it.
func (r *resolver) bundle(s Source, invalid Reason) (Bundle, bool) {
	content, read := r.in.Contents[s.Object()]
	if !read && r.in.Offline {
		r.notProven(s, "its content was not given")
		return Bundle{}, false
	}
	if f, ok := s.unread(r.namespace(), content, read); !ok {
		r.add(f)
		return Bundle{}, false
	}
	key, missing := s.bundleKey(r.namespace(), content)
	if missing != nil {
		r.add(*missing)
		return Bundle{}, false
	}
	b, err := ParseBundle(content.Data[key])
	if err != nil {
		r.add(fault(invalid, s.Describe(r.namespace()), s.field(key), "%v", err))
		return Bundle{}, false
	}
	if invalid == ReasonCustomCAInvalid {
		for _, f := range b.Warnings(r.in.Now) {
			f.Object, f.Field = s.Describe(r.namespace()), s.field(key)
			r.add(f)
		}
	}
	return b, true
}

func (r *resolver) notProven(s Source, format string, args ...any) {
	r.add(warn(ReasonNotProven, s.Describe(r.namespace()), "", "%s", fmt.Sprintf(format, args...)))
}
