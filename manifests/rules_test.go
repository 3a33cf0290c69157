package manifests_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/keda-trust/keda-trust/manifests"
	_ "github.com/keda-trust/keda-trust/webhook" // registers its metrics
)

// queried is one place with PromQL, and the labels that its texts name.
type queried struct {
	where, expr string
	shown       []string
}

var (
	jobOfRule   = regexp.MustCompile(`\{\{- \$job -\}\}`)
	metricNamed = regexp.MustCompile(`\b(up|(?:keda_trust|controller_runtime|leader_election)_\w+)(?:\{([^}]*)\})?`)
	matcher     = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"`)
	grouped     = regexp.MustCompile(`\bby \(([^)]*)\)`)
	labelOfRule = regexp.MustCompile(`\$labels\.(\w+)`)
	labelOfText = regexp.MustCompile(`\{\{(\w+)\}\}`)
	labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
)

// ofTargets are labels that Prometheus adds to every metric of a pod.
var ofTargets = []string{"job", "namespace", "pod", "instance"}

// An alert or a panel on a metric, or a label, that nobody has is one that never
// comes.
func TestWhatRulesAndDashboardAskForIsMeasured(t *testing.T) {
	have := measured(t)
	for _, q := range append(rules(t), panels(t)...) {
		labels := slices.Clone(ofTargets)
		named := metricNamed.FindAllStringSubmatch(q.expr, -1)
		if len(named) == 0 {
			t.Errorf("%s names no metric: %s", q.where, q.expr)
		}
		for _, found := range named {
			own, known := have[metricOf(found[1], have)]
			if !known && found[1] != "up" { // which is Prometheus' own
				t.Errorf("%s names the metric %s, which keda-trust does not have", q.where, found[1])
			}
			labels = append(labels, own...)
			for _, m := range matcher.FindAllStringSubmatch(found[2], -1) {
				if !slices.Contains(own, m[1]) && !slices.Contains(ofTargets, m[1]) {
					t.Errorf("%s selects %s by %s, which it does not have: %v", q.where, found[1], m[1], own)
				}
			}
		}
		kept := labels
		if by := grouped.FindAllStringSubmatch(q.expr, -1); len(by) > 0 {
			kept = strings.Split(by[0][1], ", ")
			for _, label := range kept {
				if label != "le" && !slices.Contains(labels, label) {
					t.Errorf("%s groups by %s, which none of its metrics has: %v", q.where, label, labels)
				}
			}
		}
		for _, label := range q.shown {
			if !slices.Contains(kept, label) {
				t.Errorf("%s shows the label %s, and keeps %v", q.where, label, kept)
			}
		}
	}
}

// Whoever is woken by an alert has to find in it what to do, and in the chart's README
// what it means.
func TestEveryAlertSaysWhatToDo(t *testing.T) {
	readme, err := manifests.Chart.ReadFile("chart/README.md")
	if err != nil {
		t.Fatal(err)
	}
	todo := regexp.MustCompile(`(?s)runbook_url: |description: .*\b(See|Look|Mend|Renew|Add|Let|remove|report)\b`)
	for name, text := range alerts(t) {
		if !todo.MatchString(text) {
			t.Errorf("the alert %s has no runbook_url, and no description that says what to do", name)
		}
		if !strings.Contains(string(readme), "| `"+name+"` | ") {
			t.Errorf("the chart's README does not have the alert %s", name)
		}
	}
}

// What is measured and shown nowhere is not looked at either.
func TestTheDashboardAndTheRulesShowEveryMetric(t *testing.T) {
	have, shown := measured(t), map[string]bool{}
	for _, q := range append(rules(t), panels(t)...) {
		for _, found := range metricNamed.FindAllStringSubmatch(q.expr, -1) {
			shown[metricOf(found[1], have)] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if strings.HasPrefix(name, "keda_trust_") && !shown[name] {
			t.Errorf("neither dashboard nor rules name %s", name)
		}
	}
}

// alerts are those of the template, by name.
func alerts(t *testing.T) map[string]string {
	t.Helper()
	text, err := manifests.Chart.ReadFile("chart/templates/monitoring.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, alert := range strings.Split(jobOfRule.ReplaceAllString(string(text), `job="", namespace=""`), "- alert: ")[1:] {
		name, rest, _ := strings.Cut(alert, "\n")
		out[name] = rest
	}
	return out
}

// rules are the queries of the alerts, read from the template by their lines.
func rules(t *testing.T) []queried {
	t.Helper()
	var out []queried
	for name, rest := range alerts(t) {
		_, expr, found := strings.Cut(rest, "expr: ")
		expr, rest, ends := strings.Cut(expr, "\n          labels:")
		if !found || !ends {
			t.Fatalf("the alert %s is not written as the others", name)
		}
		expr, _, _ = strings.Cut(expr, "\n          for:")
		q := queried{where: "the alert " + name, expr: expr}
		for _, label := range labelOfRule.FindAllStringSubmatch(rest, -1) {
			q.shown = append(q.shown, label[1])
		}
		out = append(out, q)
		for _, found := range metricNamed.FindAllStringSubmatch(rest, -1) {
			if found[1] != "up" {
				out = append(out, queried{where: "the text of the alert " + name, expr: found[1]})
			}
		}
	}
	if len(out) < 10 {
		t.Errorf("found %d alerts: %v", len(out), out)
	}
	return out
}

// panels are the queries of the dashboard, those of its variables included.
func panels(t *testing.T) []queried {
	t.Helper()
	text, err := manifests.Chart.ReadFile("chart/dashboards/keda-trust.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Type, Title, Description string
			Targets                  []struct{ Expr, LegendFormat string }
		}
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	var out []queried
	for _, panel := range dashboard.Panels {
		if panel.Type != "row" && (len(panel.Targets) == 0 || panel.Description == "") {
			t.Errorf("the panel %q asks for nothing, or does not say what it means", panel.Title)
		}
		for _, target := range panel.Targets {
			q := queried{where: "the panel " + panel.Title, expr: target.Expr}
			for _, label := range labelOfText.FindAllStringSubmatch(target.LegendFormat, -1) {
				q.shown = append(q.shown, label[1])
			}
			out = append(out, q)
		}
	}
	for _, variable := range dashboard.Templating.List {
		if variable.Type == "datasource" {
			continue
		}
		values := labelValues.FindStringSubmatch(variable.Definition)
		if values == nil {
			t.Errorf("the variable %s is defined by %q, want label_values(METRIC, LABEL)", variable.Name, variable.Definition)
			continue
		}
		out = append(out, queried{where: "the variable " + variable.Name, expr: values[1], shown: values[2:]})
	}
	return out
}

// metricOf is the metric that a series belongs to: a histogram has several.
func metricOf(series string, have map[string][]string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		name, found := strings.CutSuffix(series, suffix)
		if _, known := have[name]; found && known {
			return name
		}
	}
	return series
}

var description = regexp.MustCompile(`^Desc\{fqName: "(\w+)".* variableLabels: \{([^}]*)\}`)

// measured are the labels of each metric, those without a value yet included,
// which a page of metrics would not show.
func measured(t *testing.T) map[string][]string {
	t.Helper()
	registry, isCollector := metrics.Registry.(prometheus.Collector)
	if !isCollector {
		t.Fatalf("a %T does not describe what is registered", metrics.Registry)
	}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		registry.Describe(descriptions)
	}()
	have := map[string][]string{}
	for d := range descriptions {
		found := description.FindStringSubmatch(d.String())
		if found == nil {
			t.Fatalf("%s is described otherwise", d)
		}
		have[found[1]] = strings.FieldsFunc(found[2], func(r rune) bool { return r == ',' || r == ' ' })
	}
	return have
}
