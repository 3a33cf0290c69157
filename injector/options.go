package injector

import (
	"path"
	"sort"
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
}

var optionKeys = map[string]bool{
	AnnotationCertificate: true, AnnotationCertificateCA: true, AnnotationCertDir: true,
	AnnotationCustomCA: true, AnnotationCustomCADir: true, AnnotationRollout: true,
}

// objectKeys are known annotations that are not options.
var objectKeys = map[string]bool{
	AnnotationComponent: true, AnnotationVersion: true, AnnotationStateID: true,
	AnnotationInjected: true, AnnotationNudge: true,
}

// MergeAnnotations lays the option annotations of the operator's Deployment
// over those of the Namespace, key by key.
func MergeAnnotations(namespace, operator map[string]string) map[string]string {
	merged := map[string]string{}
	for key, value := range namespace {
		merged[key] = value
	}
	for key, value := range operator {
		if optionKeys[key] {
			merged[key] = value
		}
	}
	return merged
}

// ParseOptions reads the annotations under Domain and reports every fault at
// once; object names who carries them, "Namespace keda".
func ParseOptions(object string, annotations map[string]string) (Options, []Finding) {
	p := optionParser{object: object, annotations: annotations}
	p.checkKeys()
	options := Options{
		CertificateCA: p.sources(AnnotationCertificateCA),
		CertDir:       p.dir(AnnotationCertDir),
		CustomCA:      p.sources(AnnotationCustomCA),
		CustomCADir:   p.dir(AnnotationCustomCADir),
	}
	options.Certificate, options.KEDAIssues = p.certificate()
	options.ManualRollout = p.rollout()
	p.checkTogether(options)
	return options, p.findings
}

type optionParser struct {
	object      string
	annotations map[string]string
	findings    []Finding
}

func (p *optionParser) fail(key, format string, args ...any) {
	p.findings = append(p.findings, fault(ReasonOptionInvalid, p.object, "annotations["+key+"]", format, args...))
}

func (p *optionParser) checkKeys() {
	var keys []string
	for key := range p.annotations {
		if strings.HasPrefix(key, Domain+"/") {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	for _, key := range keys {
		switch {
		case optionKeys[key], objectKeys[key]:
		case key == LabelInject:
			p.fail(key, "is a label, not an annotation: kubectl label namespace NAME %s=enabled", LabelInject)
		default:
			p.fail(key, "is not known: known are certificate, certificate-ca, cert-dir, custom-ca, custom-ca-dir and rollout")
		}
	}
}

func (p *optionParser) certificate() (*Source, bool) {
	text, found := p.annotations[AnnotationCertificate]
	text = strings.TrimSpace(text)
	switch {
	case !found:
		return nil, false
	case text == "keda":
		return nil, true
	}
	source, err := ParseSource(text)
	if err != nil {
		p.fail(AnnotationCertificate, "%v; allowed are keda, secret/NAME and certificate/NAME", err)
		return nil, false
	}
	if source.Key != "" || (source.Kind != SourceSecret && source.Kind != SourceCertificate) {
		p.fail(AnnotationCertificate, "%q is not a certificate; allowed are keda, secret/NAME and certificate/NAME", text)
		return nil, false
	}
	return &source, false
}

func (p *optionParser) sources(key string) []Source {
	var sources []Source
	seen := map[Source]bool{}
	for _, text := range splitList(p.annotations[key]) {
		source, err := ParseSource(text)
		if err != nil {
			p.fail(key, "%v", err)
			continue
		}
		if seen[source] {
			p.findings = append(p.findings, warn(ReasonSourceDuplicate, p.object, "annotations["+key+"]", "names %q more than once", text))
			continue
		}
		seen[source] = true
		sources = append(sources, source)
	}
	return sources
}

// systemDirs would hide what a container needs to run, or its own token.
var systemDirs = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp", "/usr", "/var"}

// allowedBelow are system directories in which a directory of one's own is usual.
var allowedBelow = map[string]bool{"/etc": true, "/run": true, "/usr": true, "/var": true, "/tmp": true}

func (p *optionParser) dir(key string) string {
	text, found := p.annotations[key]
	if !found {
		return ""
	}
	dir := strings.TrimSpace(text)
	clean := strings.TrimSuffix(dir, "/")
	switch {
	case !path.IsAbs(dir):
		p.fail(key, "%q is not an absolute path such as %s", text, DefaultCertDir)
	case path.Clean(dir) != clean:
		p.fail(key, "%q is not a clean path: want no \"..\", \".\" or empty element, and not \"/\"", text)
	case strings.ContainsAny(dir, ":,$\"'\\\n\t"):
		p.fail(key, "%q has a character that a mount path or a flag cannot carry", text)
	case systemDir(clean):
		p.fail(key, "%q is a system directory: want one of its own, such as %s", text, DefaultCertDir)
	default:
		return clean
	}
	return ""
}

func systemDir(dir string) bool {
	for _, system := range systemDirs {
		if dir == system || (strings.HasPrefix(dir, system+"/") && !allowedBelow[system]) {
			return true
		}
	}
	for _, hidden := range []string{"/etc/ssl", "/etc/pki", "/usr/lib", "/usr/bin", "/usr/local/bin", "/usr/share", "/var/run", "/run/secrets"} {
		if dir == hidden || strings.HasPrefix(dir, hidden+"/") {
			return true
		}
	}
	return false
}

func (p *optionParser) rollout() bool {
	switch value := strings.TrimSpace(p.annotations[AnnotationRollout]); value {
	case "", "automatic":
		return false
	case "manual":
		return true
	default:
		p.fail(AnnotationRollout, "the value %q is not one of automatic, manual", value)
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

// overlap says whether one path is the other or lies below it.
func overlap(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}
