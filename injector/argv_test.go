package injector

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func mustParseArgv(tb testing.TB, c *corev1.Container) argv {
	tb.Helper()
	a, err := parseArgv(c)
	if err != nil {
		tb.Fatalf("parseArgv(%q, %q): %v", c.Command, c.Args, err)
	}
	return a
}

func TestArgvReadsFlagsAsKEDADoes(t *testing.T) {
	t.Parallel()
	const adapterImage = "ghcr.io/kedacore/keda-metrics-apiserver:2.17.2"
	cases := map[string]struct {
		image         string
		command, args []string
		flag          string
		want          []string
	}{
		"value after an equals sign":                       {"", []string{"/keda"}, []string{"--cert-dir=/x"}, flagCertDir, []string{"/x"}},
		"value as the next element":                        {"", []string{"/keda"}, []string{"--cert-dir", "/x"}, flagCertDir, []string{"/x"}},
		"the next element, even if it looks like a flag":   {"", []string{"/keda"}, []string{"--cert-dir", "--ca-dir=/x"}, flagCertDir, []string{"--ca-dir=/x"}},
		"a double dash that is a value":                    {"", []string{"/keda"}, []string{"--cert-secret-name", "--"}, flagCertSecretName, []string{"--"}},
		"a value with equals signs":                        {"", []string{"/keda"}, []string{"--cert-dir=/a=b"}, flagCertDir, []string{"/a=b"}},
		"an empty value":                                   {"", []string{"/keda"}, []string{"--cert-dir="}, flagCertDir, []string{""}},
		"a bare switch is true":                            {"", []string{"/keda"}, []string{"--enable-cert-rotation"}, flagCertRotation, []string{"true"}},
		"a switch never takes the next element":            {"", []string{"/keda"}, []string{"--enable-cert-rotation", "false"}, flagCertRotation, []string{"true"}},
		"a switch before a flag that is looked for":        {"", []string{"/keda"}, []string{"--leader-elect", "--cert-dir=/x"}, flagCertDir, []string{"/x"}},
		"an unknown flag does not swallow a flag":          {"", []string{"/keda"}, []string{"--new-switch", "--cert-dir=/x"}, flagCertDir, []string{"/x"}},
		"an unknown flag with a value of its own":          {"", []string{"/keda"}, []string{"--new-flag", "x", "--cert-dir=/x"}, flagCertDir, []string{"/x"}},
		"every use of a repeated flag":                     {"", []string{"/keda"}, []string{"--ca-dir=/a", "--ca-dir", "/b"}, flagCADir, []string{"/a", "/b"}},
		"flags in the command":                             {"", []string{"/keda", "--cert-dir=/x"}, nil, flagCertDir, []string{"/x"}},
		"flag ends the command, value starts the args":     {"", []string{"/keda", "--cert-dir"}, []string{"/x"}, flagCertDir, []string{"/x"}},
		"the binary as first of the args":                  {"", nil, []string{"/usr/local/bin/keda-adapter", "--cert-dir=/x"}, flagCertDir, []string{"/x"}},
		"the image's own entrypoint":                       {adapterImage, nil, []string{"--cert-dir=/x"}, flagCertDir, []string{"/x"}},
		"a wrapper before the binary":                      {"", []string{"tini", "--", "/keda"}, []string{"--cert-dir=/x"}, flagCertDir, []string{"/x"}},
		"underscores, where the metrics-apiserver reads":   {"", []string{"/keda-adapter"}, []string{"--tls_cert_file=/x"}, flagTLSCertFile, []string{"/x"}},
		"underscores, known by the image":                  {adapterImage, nil, []string{"--tls_cert_file=/x"}, flagTLSCertFile, []string{"/x"}},
		"underscores are not dashes to the operator":       {"", []string{"/keda"}, []string{"--cert_dir=/x"}, flagCertDir, nil},
		"a single dash is another flag":                    {"", []string{"/keda"}, []string{"-cert-dir=/x"}, flagCertDir, nil},
		"a longer name is another flag":                    {"", []string{"/keda"}, []string{"--cert-dir-x=/x"}, flagCertDir, nil},
		"a positional argument between flags":              {"", []string{"/keda"}, []string{"x", "--cert-dir=/x"}, flagCertDir, []string{"/x"}},
		"neither command nor args: the image's defaults":   {adapterImage, nil, nil, flagCertDir, nil},
		"flags of a wrapper are not KEDA's":                {"", []string{"env", "--cert-dir=/w", "/keda"}, nil, flagCertDir, nil},
		"a flag without a name, and three dashes, are not": {"", []string{"/keda"}, []string{"--=x", "---cert-dir=/x"}, flagCertDir, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := mustParseArgv(t, &corev1.Container{Image: tc.image, Command: tc.command, Args: tc.args})
			if got := a.all(tc.flag); !slices.Equal(got, tc.want) {
				t.Errorf("--%s is %q, want %q", tc.flag, got, tc.want)
			}
			if a.count(tc.flag) != len(tc.want) {
				t.Errorf("--%s counts %d, want %d", tc.flag, a.count(tc.flag), len(tc.want))
			}
		})
	}
}

func TestArgvRefusesWhatItCannotAppendTo(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		command, args []string
		want          string
	}{
		"a shell":                              {[]string{"/bin/sh", "-c", "/keda --leader-elect"}, nil, "without a shell"},
		"a shell with the binary by itself":    {[]string{"sh", "-c", "/keda"}, nil, "without a shell"},
		"a shell behind a wrapper":             {[]string{"tini", "--", "bash", "-c", "/keda"}, nil, "without a shell"},
		"a script":                             {[]string{"/entrypoint.sh"}, []string{"--cert-dir=/x"}, `"/entrypoint.sh"`},
		"a script as first of the args":        {nil, []string{"/entrypoint.sh", "/keda"}, `"/entrypoint.sh"`},
		"flags that a double dash ends":        {[]string{"/keda"}, []string{"--leader-elect", "--", "--cert-dir=/x"}, `"--" ends the flags`},
		"a flag whose value is missing at end": {[]string{"/keda"}, []string{"--cert-dir"}, "--cert-dir has no value"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseArgv(&corev1.Container{Name: "main", Command: tc.command, Args: tc.args})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), `"main"`) {
				t.Errorf("parseArgv gave %v, want an error with the container and %q", err, tc.want)
			}
		})
	}
}

func TestArgvSetsFlagsInPlaceElseAppends(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		command, args []string
		flag, value   string
		raw           string // before
		wantCommand   []string
		wantArgs      []string
	}{
		"after the equals sign":             {[]string{"/keda"}, []string{"--a", "--cert-dir=/x", "--b"}, flagCertDir, "/y", "--cert-dir=/x", []string{"/keda"}, []string{"--a", "--cert-dir=/y", "--b"}},
		"in the element of its own":         {[]string{"/keda"}, []string{"--cert-dir", "/x", "--b"}, flagCertDir, "/y", "/x", []string{"/keda"}, []string{"--cert-dir", "/y", "--b"}},
		"in place of a bare switch":         {[]string{"/keda"}, []string{"--enable-cert-rotation", "--b"}, flagCertRotation, "false", "--enable-cert-rotation", []string{"/keda"}, []string{"--enable-cert-rotation=false", "--b"}},
		"the last of a repeated flag":       {[]string{"/keda"}, []string{"--cert-dir=/x", "--cert-dir=/z"}, flagCertDir, "/y", "--cert-dir=/z", []string{"/keda"}, []string{"--cert-dir=/x", "--cert-dir=/y"}},
		"in the command":                    {[]string{"/keda", "--cert-dir=/x"}, []string{"--b"}, flagCertDir, "/y", "--cert-dir=/x", []string{"/keda", "--cert-dir=/y"}, []string{"--b"}},
		"keeping the spelling":              {[]string{"/keda-adapter"}, []string{"--cert_dir=/x"}, flagCertDir, "/y", "--cert_dir=/x", []string{"/keda-adapter"}, []string{"--cert_dir=/y"}},
		"at the end where there is none":    {[]string{"/keda"}, []string{"--a"}, flagCertDir, "/y", "", []string{"/keda"}, []string{"--a", "--cert-dir=/y"}},
		"as first of the args after a flag": {[]string{"/keda", "--a"}, nil, flagCertDir, "/y", "", []string{"/keda", "--a"}, []string{"--cert-dir=/y"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &corev1.Container{Command: tc.command, Args: tc.args}
			a := mustParseArgv(t, c)
			if raw, found := a.raw(tc.flag); raw != tc.raw || found != (tc.raw != "") {
				t.Errorf("raw text is %q (%t), want %q", raw, found, tc.raw)
			}
			a.set(tc.flag, tc.value)
			if !slices.Equal(c.Command, tc.wantCommand) || !slices.Equal(c.Args, tc.wantArgs) {
				t.Errorf("command %q args %q, want %q %q", c.Command, c.Args, tc.wantCommand, tc.wantArgs)
			}
			if got, _ := a.last(tc.flag); got != tc.value {
				t.Errorf("last is %q, want %q", got, tc.value)
			}
		})
	}
}

func TestArgvAddLeavesTheListItWasGivenAlone(t *testing.T) {
	t.Parallel()
	backing := []string{"--a", "somebody else's"}
	c := &corev1.Container{Command: []string{"/keda"}, Args: backing[:1]}
	a := mustParseArgv(t, c)
	a.add(flagCADir, "/x")
	a.set(flagCertDir, "/y")
	if backing[1] != "somebody else's" {
		t.Errorf("the array behind args was written: %q", backing)
	}
	if want := []string{"--a", "--ca-dir=/x", "--cert-dir=/y"}; !slices.Equal(c.Args, want) {
		t.Errorf("args %q, want %q", c.Args, want)
	}
}

// FuzzArgv holds: what is set is what KEDA reads last, also when read afresh;
// no other flag changes; at most one element is added.
func FuzzArgv(f *testing.F) {
	f.Add("/keda", "--leader-elect\n--cert-dir=/x", uint8(0), "/y")
	f.Add("", "/usr/local/bin/keda-adapter\n--cert_dir\n/x", uint8(0), "--")
	f.Add("/keda\n--ca-dir", "--\n--enable-cert-rotation", uint8(2), "false")
	f.Add("", "--unknown\nx\n--unknown", uint8(1), "a=b")
	flags := []string{flagCertDir, flagCADir, flagCertRotation, flagTLSCertFile, flagMetricsAddress}
	f.Fuzz(func(t *testing.T, command, args string, which uint8, value string) {
		c := &corev1.Container{Command: lines(command), Args: lines(args)}
		a, err := parseArgv(c)
		if err != nil {
			return
		}
		flag, size := flags[int(which)%len(flags)], len(c.Command)+len(c.Args)
		before := slices.Clone(a.uses)
		a.set(flag, value)
		again := mustParseArgv(t, c)
		for _, read := range []argv{a, again} {
			if got, found := read.last(flag); !found || got != value {
				t.Fatalf("--%s is %q (%t) after it was set to %q: %q %q", flag, got, found, value, c.Command, c.Args)
			}
		}
		if grown := len(c.Command) + len(c.Args) - size; grown > 1 {
			t.Fatalf("%d elements were added", grown)
		}
		for _, use := range before {
			if use.name != flag && !slices.Equal(again.all(use.name), valuesOf(before, use.name)) {
				t.Fatalf("--%s was %q and is %q", use.name, valuesOf(before, use.name), again.all(use.name))
			}
		}
	})
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func valuesOf(uses []flagUse, name string) []string { return argv{uses: uses}.all(name) }
