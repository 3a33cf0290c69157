package injector

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// Three arguments that were changed in place and two that were appended; each
// case is what of that is there now.
func TestArgumentsAreTheUsersWhereTheListWasRestated(t *testing.T) {
	t.Parallel()
	const (
		cert, key, ca  = "--tls-cert-file=/ours/tls.crt", "--tls-private-key-file=/ours/tls.key", "--client-ca-file=/ours/ca.crt"
		dir, version   = "--cert-dir=/ours", "--tls-min-version=VersionTLS13"
		was, otherwise = "--tls-cert-file=/theirs/tls.crt", "--tls-cert-file=/elsewhere/tls.crt"
	)
	changed := func(flag, now string) edit {
		return edit{Kind: editArg, Key: flag, Was: ptr(strings.Replace(now, "/ours/", "/theirs/", 1)), Now: now}
	}
	r := record{Container: "keda", Edits: []edit{
		changed(flagTLSCertFile, cert), changed(flagTLSPrivateKeyFile, key), changed(flagClientCAFile, ca),
		{Kind: editArg, Key: flagCertDir, Now: dir}, {Kind: editArg, Key: flagTLSMinVersion, Now: version},
	}}
	cases := map[string]struct{ args, live []string }{
		"everything is there":                         {[]string{cert, key, ca, dir, version}, []string{cert, key, ca, dir, version}},
		"one is as it was":                            {[]string{was, key, ca, dir, version}, nil},
		"all that was appended is there":              {[]string{otherwise, "--client-ca-file=/x", dir, version}, []string{dir, version}},
		"nothing that was appended is there":          {[]string{cert, key, ca}, nil},
		"less than half is gone, some of it appended": {[]string{cert, key, ca, dir}, []string{cert, key, ca, dir}},
		"more than half is gone, some of it appended": {[]string{otherwise, key, dir}, nil},
		"nothing is there":                            {nil, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := r.liveArgs(&corev1.Container{Name: "keda", Command: []string{"/keda-adapter"}, Args: c.args})
			var got []string
			for _, e := range r.Edits {
				if live[e.Key+"\x00"+e.Now] {
					got = append(got, e.Now)
				}
			}
			if !slices.Equal(got, c.live) {
				t.Errorf("of ours are %q, want %q", got, c.live)
			}
		})
	}
}

// Where certificates stay as they are, and no CA is added, no volume of ours
// says whose the rest is.
func TestWhatWasInjectedWithoutAVolumeIsTakenOut(t *testing.T) {
	t.Parallel()
	manifest := operatorAsStored(t)
	live := settled(t, manifest, nil, sealed(t, State{}))
	if env := kedaContainer(decoded(t, live)).Env; envIndex(env, envServiceMinTLS) < 0 || usesOurs(decoded(t, live)) {
		t.Fatalf("want only the variable %s injected, got\n%s", envServiceMinTLS, asYAML(t, live))
	}
	assertUninjects(t, live, manifest)
}

func TestRecordedBundlesAreThoseThatWereInjected(t *testing.T) {
	t.Parallel()
	input := []byte(`{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{"name":"keda-admission"},"webhooks":[
		{"name":"a","clientConfig":{"service":{"namespace":"keda","name":"s"}}},
		{"name":"b","clientConfig":{"service":{"namespace":"keda","name":"s"},"caBundle":"b3Vycw=="}},
		{"name":"c","clientConfig":{"url":"https://example.com"}}]}`)
	injected, report := injectedOnce(t, input, nil, sealed(t, State{CertificateSecret: PublishedSecret, CABundle: []byte("ours")}))
	if !report.Injected {
		t.Fatalf("was not injected: %s", report.Message)
	}
	annotations := annotationsOf(injected)
	if got := RecordedBundles(annotations, []byte("ours")); !slices.Equal(got, []string{"a"}) {
		t.Errorf("recorded for %q, want the one that did not have it", got)
	}
	if got := RecordedBundles(annotations, []byte("others")); got != nil {
		t.Errorf("recorded for %q, want none for another caBundle", got)
	}
	for _, unreadable := range []string{"", "{", `{"v":9,"bundles":[{"key":"a","now":"` + digest([]byte("ours")) + `"}]}`} {
		if got := RecordedBundles(map[string]string{AnnotationInjected: unreadable}, []byte("ours")); got != nil {
			t.Errorf("record %q is recorded for %q, want none", unreadable, got)
		}
	}
}
