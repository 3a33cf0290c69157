package trust

import (
	"cmp"
	"crypto/x509"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keda-trust/keda-trust/injector"
)

// mostCAs bounds the series of one bundle, which may hold all public CAs: those
// that end first are shown.
const mostCAs = 20

// digits of a certificate's SHA-256 tell it from the others of its bundle, and
// are what its Event begins with.
const digits = 16

// Bundles, as a label.
const (
	bundleCertificate = "certificate" // what verifies KEDA's certificate
	bundleCustom      = "custom"      // what KEDA's scalers trust
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("keda_trust_"+name, help, append([]string{ofNamespace}, labels...), nil)
}

var (
	leafNotBefore = describe("published_leaf_not_before_timestamp_seconds",
		"When the certificate that the published state names begins to be valid, in seconds since the epoch, by namespace.")
	leafNotAfter = describe("published_leaf_not_after_timestamp_seconds",
		"When the certificate that the published state names ends, in seconds since the epoch, by namespace.")
	bundleCertificates = describe("published_bundle_certificates",
		"Certificates in a published bundle: of the CAs that verify KEDA's certificate, or of the custom CAs.", "bundle")
	bundleNotAfter = describe("published_bundle_not_after_timestamp_seconds",
		"When the first certificate of a published bundle ends, in seconds since the epoch.", "bundle")
	caNotAfter = describe("published_ca_not_after_timestamp_seconds",
		"When a certificate of a published bundle ends, in seconds since the epoch, by the first digits of its SHA-256; of a large bundle those that end first.", "bundle", "sha256")
	rotationStage = describe("rotation_stage",
		"1 for the stage at which the change of certificate is, 0 for the others.", "stage")
	rotationStart = describe("rotation_start_timestamp_seconds",
		"Since when a change of certificate is under way, in seconds since the epoch; absent where none is.")
	toldNow = describe("findings",
		"What is told now of a namespace, faults and what is only worth telling, by reason; absent where nothing is.", "reason")
	lagging = describe("rotation_lagging_consumers",
		"Consumers without what is published, for which the next stage of a change of certificate waits, by component; absent where none is under way.", "component")
)

// gauges are what is published in each namespace, as metrics. What a namespace no
// longer has is gone with its next view.
type gauges struct {
	mu    sync.Mutex
	views map[string]view
}

func newGauges() *gauges { return &gauges{views: map[string]view{}} }

// show replaces what is known of a namespace. Where the view does not say how far
// a change of certificate is, what was known stands.
func (g *gauges) show(namespace string, v view) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if before := g.views[namespace]; v.stage == "" {
		v.stage, v.started, v.lagging = before.stage, before.started, before.lagging
	}
	g.views[namespace] = v
}

// told replaces what is told of a namespace, and nothing else that is known of it.
func (g *gauges) told(namespace string, findings []injector.Finding) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.views[namespace]
	v.findings = findings
	g.views[namespace] = v
}

func (g *gauges) drop(namespace string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.views, namespace)
}

// Describe is a prometheus.Collector's.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{leafNotBefore, leafNotAfter, bundleCertificates, bundleNotAfter, caNotAfter, rotationStage, rotationStart, lagging, toldNow} {
		out <- d
	}
}

// Collect is a prometheus.Collector's.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for namespace, v := range g.views {
		v.collect(func(d *prometheus.Desc, value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{namespace}, labels...)...)
		})
	}
}

type gauge func(d *prometheus.Desc, value float64, labels ...string)

func (v view) collect(set gauge) {
	v.collectFindings(set)
	if v.state == nil {
		return
	}
	if v.leaf != nil {
		set(leafNotBefore, float64(v.leaf.NotBefore.Unix()))
		set(leafNotAfter, float64(v.leaf.NotAfter.Unix()))
	}
	collectBundle(set, bundleCertificate, v.ca)
	collectBundle(set, bundleCustom, v.customCAs)
	if v.stage == "" {
		return
	}
	for _, s := range stages {
		value := 0.0
		if s == v.stage {
			value = 1
		}
		set(rotationStage, value, string(s))
	}
	if v.stage == stageSteady {
		return
	}
	if !v.started.IsZero() {
		set(rotationStart, float64(v.started.Unix()))
	}
	for component, n := range v.lagging {
		set(lagging, float64(n), component)
	}
}

func (v view) collectFindings(set gauge) {
	count := map[injector.Reason]int{}
	for _, f := range v.findings {
		count[f.Reason]++
	}
	for reason, n := range count {
		set(toldNow, float64(n), string(reason))
	}
}

func collectBundle(set gauge, bundle string, cas injector.Bundle) {
	certs := cas.Certificates()
	slices.SortStableFunc(certs, func(a, b *x509.Certificate) int { return cmp.Compare(a.NotAfter.Unix(), b.NotAfter.Unix()) })
	set(bundleCertificates, float64(len(certs)), bundle)
	if len(certs) == 0 {
		return
	}
	set(bundleNotAfter, float64(certs[0].NotAfter.Unix()), bundle)
	for _, cert := range certs[:min(len(certs), mostCAs)] {
		set(caNotAfter, float64(cert.NotAfter.Unix()), bundle, injector.Fingerprint(cert)[:digits])
	}
}
