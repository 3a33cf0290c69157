package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A chart that accepts what the binary refuses installs pods that crash.
func TestTheChartRefusesTheDurationsThatTheBinaryRefuses(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "keda-trust")
	if out, err := exec.Command("go", "build", "-C", "../..", "-o", binary, "./cmd/keda-trust").CombinedOutput(); err != nil {
		t.Fatalf("building keda-trust: %v\n%s", err, out)
	}
	for _, c := range []struct {
		ca, leaf, dwell, convergence string
		refused                      string // the value, empty where it is accepted
	}{
		{"", "", "", "", ""},
		{"", "1h", "30s", "", ""},
		{"", "24h", "5m", "", ""},
		{"6h3m", "1h", "30s", "", ""},
		{"144h30m", "", "", "", ""},
		{"", "48h", "", "", "leafLifetime"},
		{"", "24h1s", "", "", "leafLifetime"},
		{"", "59m59s", "", "", "leafLifetime"},
		{"", "", "5s", "", "caDwell"},
		{"", "", "29s", "", "caDwell"},
		{"6h2m59s", "1h", "30s", "", "caLifetime"},
		{"144h29m59s", "", "", "", "caLifetime"},
		{"48h", "", "", "", "caLifetime"},
		{"", "", "1500h", "", "caLifetime"},
		{"9999999h", "", "", "", "9999999h"}, // more than a duration holds
		{"", "", "", "1s", ""},
		{"", "", "", "1h30m", ""},
		{"", "", "", "9999999h", "9999999h"},
	} {
		values := fmt.Sprintf("servingCertificate: {caLifetime: '%s', leafLifetime: '%s', caDwell: '%s'}\nconvergenceTimeout: '%s'", c.ca, c.leaf, c.dwell, c.convergence)
		_, err := Chart(chartDir, Name, parsed(t, values))
		if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s\nthe chart says: %v", values, err)
		}
		flags := []string{"webhook", "--namespace=" + Name, "--kubeconfig=" + filepath.Join(t.TempDir(), "absent")}
		for flag, value := range map[string]string{"--ca-lifetime=": c.ca, "--leaf-lifetime=": c.leaf, "--ca-dwell=": c.dwell, "--convergence-timeout=": c.convergence} {
			if value != "" {
				flags = append(flags, flag+value)
			}
		}
		// What is accepted ends as well, for want of a cluster.
		said, err := exec.Command(binary, flags...).CombinedOutput()
		if accepted := strings.HasPrefix(string(said), "keda-trust: reading --kubeconfig"); err == nil || accepted != (c.refused == "") {
			t.Errorf("%s\nthe binary says: %s", values, said)
		}
	}
}
