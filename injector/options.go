package injector

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Mode is the value of LabelInject on a Namespace.
type Mode string

// The modes.
const (
	ModeUnmanaged Mode = ""         // no label: never touched
	ModeEnabled   Mode = "enabled"  // injected
	ModeAudit     Mode = "audit"    // tells what it would do, changes nothing
	ModeDisabled  Mode = "disabled" // what was injected is taken out again
)

// ParseMode reads the mode from a Namespace's labels. A value that is none of
// the modes is unmanaged, with a fault that says so.
func ParseMode(namespace string, labels map[string]string) (Mode, []Finding) {
	value, found := labels[LabelInject]
	switch mode := Mode(value); mode {
	case ModeEnabled, ModeAudit, ModeDisabled:
		return mode, nil
	}
	if !found {
		return ModeUnmanaged, nil
	}
	return ModeUnmanaged, []Finding{fault(ReasonOptionInvalid, "Namespace "+namespace, "labels["+LabelInject+"]",
		"the value %q is not one of enabled, audit, disabled", value)}
}

// Options is what the annotations of an installation ask for.
type Options struct {
	// Certificate is nil for "as installed"; KEDAIssues is "keda".
	Certificate *Source
	KEDAIssues  bool
	// CertificateCA replaces the Secret's ca.crt; nil for that.
	CertificateCA []Source
	// CertDir and CustomCADir are absolute paths; empty for the one in use
	// and for /custom/ca.
	CertDir     string
	CustomCA    []Source
	CustomCADir string
	// ManualRollout: published, but nothing restarts.
	ManualRollout bool
	// ImmediateRotation: another certificate is published at once, and the old CA
	// is gone, whoever still needs it.
	ImmediateRotation bool

	origins map[string]origin // by annotation
}

// Digest names what is asked for: equal for options that ask for the same.
func (o Options) Digest() (string, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("encoding options: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8]), nil
}

// parseLayers reads the annotations under Domain and reports every fault at once.
func parseLayers(layers []Layer) (Options, []Finding) {
	p := optionParser{values: map[string]string{}, origins: map[string]origin{}}
	for _, l := range layers {
		p.lay(l)
	}
	options := Options{
		CertificateCA: p.sources(AnnotationCertificateCA),
		CertDir:       p.dir(AnnotationCertDir, DefaultCertDir),
		CustomCA:      p.sources(AnnotationCustomCA),
		CustomCADir:   p.dir(AnnotationCustomCADir, DefaultCustomCADir),
		origins:       p.origins,
	}
	options.Certificate, options.KEDAIssues = p.certificate()
	options.ManualRollout = p.choice(AnnotationRollout, "automatic", "manual")
	if options.ImmediateRotation = p.choice(AnnotationRotation, "staged", "immediate"); options.ImmediateRotation {
		p.findings = append(p.findings, p.origins[AnnotationRotation].warn(ReasonRotationUnstaged,
			"is immediate, which is for an emergency and stays in force: at every change of certificate, its next renewal included, handshakes fail until all of KEDA has what is new; remove it when the emergency is over"))
	}
	p.checkTogether(options)
	return options, p.findings
}

// optionParser parses the values that count and knows where each is from.
type optionParser struct {
	values   map[string]string
	origins  map[string]origin
	findings []Finding
}

func (p *optionParser) fail(key, format string, args ...any) {
	p.findings = append(p.findings, p.origins[key].fault(ReasonOptionInvalid, format, args...))
}

func (p *optionParser) certificate() (*Source, bool) {
	text, found := p.values[AnnotationCertificate]
	text = strings.TrimSpace(text)
	switch {
	case !found:
		return nil, false
	case text == "keda":
		return nil, true
	}
	const allowed = "allowed are keda, secret/NAME and certificate/NAME"
	switch kind, _, hasKind := strings.Cut(text, "/"); {
	case !hasKind:
		p.fail(AnnotationCertificate, "%q has no kind; %s", text, allowed)
		return nil, false
	case kind != string(SourceSecret) && kind != string(SourceCertificate):
		p.fail(AnnotationCertificate, "%q is not a certificate; %s", text, allowed)
		return nil, false
	}
	source, err := ParseSource(text)
	switch {
	case err != nil:
		p.fail(AnnotationCertificate, "%v; %s", err, allowed)
		return nil, false
	case source.Key != "":
		p.fail(AnnotationCertificate, "%q is not a certificate; %s", text, allowed)
		return nil, false
	}
	return &source, false
}

func (p *optionParser) sources(key string) []Source {
	var sources []Source
	seen := map[Source]bool{}
	for _, text := range splitList(p.values[key]) {
		source, err := ParseSource(text)
		if err != nil {
			p.fail(key, "%v", err)
			continue
		}
		if seen[source] {
			p.findings = append(p.findings, p.origins[key].warn(ReasonSourceDuplicate, "names %q more than once", text))
			continue
		}
		seen[source] = true
		sources = append(sources, source)
	}
	return sources
}

// choice says whether other was chosen and not usual, which counts if unset.
func (p *optionParser) choice(key, usual, other string) bool {
	switch value := strings.TrimSpace(p.values[key]); value {
	case "", usual:
		return false
	case other:
		return true
	default:
		p.fail(key, "the value %q is not one of %s, %s", value, usual, other)
		return false
	}
}

func (p *optionParser) checkTogether(o Options) {
	if o.CertDir != "" && o.CustomCADir != "" && overlap(o.CertDir, o.CustomCADir) {
		p.fail(AnnotationCustomCADir, "%q and %s %q lie in one another: want two directories", o.CustomCADir, AnnotationCertDir, o.CertDir)
	}
	if o.KEDAIssues && len(o.CertificateCA) > 0 {
		p.fail(AnnotationCertificateCA, "has no meaning where %s is keda: KEDA publishes its own CA", AnnotationCertificate)
	}
}
