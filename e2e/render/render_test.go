package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestInstallYAMLIsWhatTheChartRenders(t *testing.T) {
	var diff bytes.Buffer
	if err := run(true, &diff); err != nil {
		t.Errorf("%v\n%s", err, diff.String())
	}
}

func TestDefaultsAreWritten(t *testing.T) {
	wantLines(t, rendered(t, nil),
		"- --keda-namespaces=keda",
		"- --service-name=keda-trust-webhook",
		"image: ghcr.io/keda-trust/keda-trust:v0.1.0",
		"failurePolicy: Ignore")
}

func TestValuesReachWhereTheyAreMeant(t *testing.T) {
	for name, c := range map[string]struct {
		values string
		want   []string
	}{
		"two KEDAs":         {"kedaNamespaces: [keda-a, '123']", []string{"- --keda-namespaces=keda-a,123", `namespace: "keda-a"`, `namespace: "123"`}},
		"a digest":          {"image: {repository: 'r.example:5000/k', digest: 'sha256:" + strings.Repeat("0", 64) + "'}", []string{"image: r.example:5000/k@sha256:" + strings.Repeat("0", 64)}},
		"Fail":              {"failurePolicy: Fail", []string{"failurePolicy: Fail"}},
		"a longer timeout":  {"timeoutSeconds: 30", []string{"timeoutSeconds: 30", "terminationGracePeriodSeconds: 50"}},
		"a name":            {"serviceName: other", []string{"- --service-name=other", `name: "other"`}},
		"short lives":       {"servingCertificate: {caLifetime: 48h, leafLifetime: 1h30m, caDwell: 30s}", []string{"- --ca-lifetime=48h", "- --leaf-lifetime=1h30m", "- --ca-dwell=30s"}},
		"a short patience":  {"convergenceTimeout: 90s", []string{"- --convergence-timeout=90s"}},
		"KEDA's namespaces": {"createNamespaces: true", []string{"helm.sh/resource-policy: keep"}},
		"monitoring":        {"{serviceMonitor: {enabled: true}, prometheusRule: {enabled: true, labels: {release: prom}}}", []string{"kind: ServiceMonitor", "kind: PrometheusRule", "release: prom", "time() < 604800\n", `expr: absent(up{job="keda-trust-webhook", namespace="keda-trust"} == 1)`}},
		// Rotated with 504h / 3 = 168h left: an alert at a week would be one at every rotation.
		"alerts by lifetime": {"{prometheusRule: {enabled: true}, servingCertificate: {caLifetime: 504h}}", []string{"time() < 302400\n", "ends within 84h0m0s"}},
		"a dashboard": {"dashboard: {enabled: true, labels: {team: platform}}", []string{
			"name: keda-trust-dashboard\n", `grafana_dashboard: "1"`, "team: platform", "keda-trust.json: |\n    {\n      \"uid\": \"keda-trust\"", "{{keda_namespace}}",
		}},
		"a network policy": {"networkPolicy: {enabled: true}", []string{"kind: NetworkPolicy"}},
		"an affinity":      {"affinity: {nodeAffinity: {}}", []string{"nodeAffinity: {}"}},
		"a parent chart":   {"global: {imageRegistry: r.example}", []string{"kind: Deployment"}},
	} {
		t.Run(name, func(t *testing.T) { wantLines(t, rendered(t, parsed(t, c.values)), c.want...) })
	}
}

func TestSourceSecretsLimitWhatIsRead(t *testing.T) {
	wantLines(t, document(t, rendered(t, nil), "Role", "keda"), "resources: [secrets]\n    verbs: [get, list, watch]")
	limited := document(t, rendered(t, parsed(t, "sourceSecrets: [corp-tls, keda-trust-certificates, '1']")), "Role", "keda")
	wantLines(t, limited, "resources: [secrets]\n    resourceNames:\n      - keda-trust-certificates\n      - \"corp-tls\"\n      - \"1\"\n    verbs: [get, list, watch]")
	if strings.Contains(limited, "resources: [secrets]\n    verbs: [get") {
		t.Error("with sourceSecrets, Secrets of any name can still be read")
	}
}

func TestTheWebhookNeverAnswersForItself(t *testing.T) {
	configuration := document(t, rendered(t, parsed(t, "failurePolicy: Fail")), "MutatingWebhookConfiguration", "")
	if got := strings.Count(configuration, "failurePolicy: Fail"); got != 2 {
		t.Errorf("%d webhooks fail closed, want 2: the probe never does", got)
	}
	wantLines(t, configuration, "- kube-system\n            - \"keda-trust\"")
}

func TestWhatWouldNotWorkIsRefusedWithASentence(t *testing.T) {
	for name, c := range map[string]struct{ namespace, values, want string }{
		"in kube-system":      {"kube-system", "", "keda-trust cannot be installed in kube-system"},
		"beside KEDA":         {"keda", "", "keda-trust cannot be installed in keda, which kedaNamespaces names as KEDA's"},
		"beside another KEDA": {"scaling", "kedaNamespaces: [keda, scaling]", "keda-trust cannot be installed in scaling"},
		"KEDA in kube-system": {Name, "kedaNamespaces: [kube-system]", "kedaNamespaces names kube-system, which keda-trust never touches"},
		"a typo":              {Name, "failurPolicy: Fail", "additional properties 'failurPolicy' not allowed"},
		"a nested typo":       {Name, "image: {tags: v1}", "additional properties 'tags' not allowed"},
		"a policy":            {Name, "failurePolicy: ignore", "value must be one of 'Ignore', 'Fail'"},
		"no KEDA":             {Name, "kedaNamespaces: []", "minItems"},
		"a name in capitals":  {Name, "kedaNamespaces: [KEDA]", "does not match pattern"},
		"no replica":          {Name, "replicas: 0", "minimum"},
		"too long a timeout":  {Name, "timeoutSeconds: 31", "maximum"},
		"a taken port":        {Name, "webhookPort: 8080", "/webhookPort"},
		"a duration":          {Name, "servingCertificate: {caLifetime: 1y}", "does not match pattern"},
		"a short digest":      {Name, "image: {digest: 'sha256:00'}", "does not match pattern"},
		"a secret with kind":  {Name, "sourceSecrets: [secret/tls]", "does not match pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Chart(chartDir, c.namespace, parsed(t, c.values))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("rendering ends with %v, want: %s", err, c.want)
			}
		})
	}
}

func TestEveryValueIsInTheSchemaAndDescribed(t *testing.T) {
	var defaults, schema map[string]any
	read := func(name string, into any) {
		data, err := os.ReadFile(filepath.Join(chartDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(data, into); err != nil {
			t.Fatal(err)
		}
	}
	read("values.yaml", &defaults)
	read("values.schema.json", &schema)
	for key := range schema["properties"].(map[string]any) {
		if _, found := defaults[key]; !found && key != "global" {
			t.Errorf("value %s is in the schema and not in values.yaml", key)
		}
	}
}

func rendered(t *testing.T, values map[string]any) string {
	t.Helper()
	text, err := Chart(chartDir, Name, values)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// document is the one document of that kind, in that namespace if it has one.
func document(t *testing.T, text, kind, namespace string) string {
	t.Helper()
	var found []string
	for _, document := range strings.Split(text, "\n---\n") {
		inNamespace := namespace == "" || strings.Contains(document, "namespace: \""+namespace+"\"")
		if strings.Contains(document, "\nkind: "+kind+"\n") && inNamespace {
			found = append(found, document)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d documents %s in namespace %q, want one", len(found), kind, namespace)
	}
	return found[0]
}

func parsed(t *testing.T, values string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := yaml.UnmarshalStrict([]byte(values), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func wantLines(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !strings.Contains(text, line) {
			t.Errorf("rendered without %q:\n%s", line, text)
		}
	}
}
