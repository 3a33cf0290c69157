package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/keda-trust/keda-trust/injector"
)

// manifestFlags are those that inject and uninject share.
type manifestFlags struct {
	files     []string
	report    string
	namespace string
}

func (m *manifestFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.StringArrayVarP(&m.files, "filename", "f", nil, `file of YAML or JSON, "-" for standard input; may be repeated`)
	f.StringVarP(&m.namespace, "namespace", "n", injector.DefaultKEDANamespace, "namespace of documents that name none")
	f.StringVar(&m.report, "report", "text", `form of the report on stderr, one line an object: "text" or "json"`)
}

func (m *manifestFlags) validate() []error {
	var faults []error
	if len(m.files) == 0 {
		faults = append(faults, errors.New(`--filename: name a file, or "-" for standard input`))
	}
	stdins := 0
	for _, name := range m.files {
		if name == "-" {
			stdins++
		}
	}
	if stdins > 1 {
		faults = append(faults, errors.New(`--filename: "-" can be read only once`))
	}
	if m.report != "text" && m.report != "json" {
		faults = append(faults, fmt.Errorf("--report: %q is not one of text, json", m.report))
	}
	if msgs := validation.IsDNS1123Label(m.namespace); len(msgs) > 0 {
		faults = append(faults, fmt.Errorf("--namespace: %q: %s", m.namespace, strings.Join(msgs, "; ")))
	}
	return faults
}

type injectFlags struct {
	manifestFlags
	options optionFlags
}

func newInject() *cobra.Command {
	var flags injectFlags
	c := &cobra.Command{
		Use:   "inject -f FILE",
		Short: "Inject certificates and CAs into KEDA's manifests",
		Long: `Writes the manifests to stdout as admission would make them, and a report to
stderr, one line an object. Documents that are not KEDA's pass byte for byte.

The flags for certificates and CAs stand for the annotations of KEDA's Namespace;
a Namespace in the input that has them wins. Contents are read from Secrets and
ConfigMaps in the input, or from --leaf, --ca-bundle and --custom-ca-file. Of a
certificate, what was not given is not proven, and the report says so; but for its
CA, which the APIService and the ValidatingWebhookConfiguration need. Custom CAs
that were not given cannot be injected.

Exits with 0 when all is done, with 1 when an object was refused and left as it
was, and with 2 on wrong usage or unreadable input, when nothing is written, and where
what is written does not arrive.`,
		Example: `  helm template keda kedacore/keda -n keda | keda-trust inject --certificate=secret/keda-tls --ca-bundle=ca.crt -f - | kubectl apply -f -
  keda-trust inject --custom-ca-file=corp-root.pem -f keda-2.21.0.yaml > keda.yaml`,
		Args: noArguments("name files with -f"),
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	flags.register(c)
	flags.options.register(c)
	return c
}

func (i *injectFlags) run(c *cobra.Command) error {
	asked, faults := i.options.read(c.Flags())
	if err := errors.Join(append(i.validate(), faults...)...); err != nil {
		return exitError{exitUsage, err}
	}
	documents, err := readFiles(i.files, c.InOrStdin())
	if err != nil {
		return exitError{exitUsage, err}
	}
	in := newInput(documents, i.namespace)
	reports, added, err := in.inject(asked, time.Now())
	if err != nil {
		return exitError{exitUsage, err}
	}
	return finish(c.OutOrStdout(), c.ErrOrStderr(), i.report, append(documents, added...), reports)
}

// finish writes the manifests and the report, and knows the exit code.
func finish(stdout, stderr io.Writer, format string, documents []*document, reports []injector.Report) error {
	out, err := assemble(documents)
	if err != nil {
		return exitError{exitUsage, err}
	}
	if err := writeReports(stderr, format, reports); err != nil {
		return exitError{exitUsage, err}
	}
	if _, err := stdout.Write(out); err != nil {
		return exitError{exitUsage, fmt.Errorf("writing the manifests: %w", err)}
	}
	for _, r := range reports {
		if refused(r) {
			return errRefused
		}
	}
	return nil
}
