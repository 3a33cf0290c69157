package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
	"github.com/keda-trust/keda-trust/webhook/preview"
	"github.com/keda-trust/keda-trust/webhook/trust"
)

type diffFlags struct {
	clusterFlags
	options optionFlags
}

func newDiff() *cobra.Command {
	var flags diffFlags
	c := &cobra.Command{
		Use:   "diff -n NAMESPACE",
		Short: "Show what enabling keda-trust in a cluster would change",
		Long: `Reads a cluster and changes nothing. Shows, as a unified diff, what enabling
keda-trust for a Namespace would change in KEDA's three Deployments, its APIService
and its ValidatingWebhookConfiguration; then which Deployments restart, in their
order, how often, and not before when, for one that restarted not long ago, and what
the proof says of the certificate and the CAs.

It needs no label and no keda-trust in the cluster, only an account that may read
Deployments, the Secrets and ConfigMaps that are named, and KEDA's two cluster-wide
objects. The flags stand for annotations of the Namespace and are laid over those
that it has, so that one can look before annotating. Where the Namespace is enabled
and nothing is tried out, it shows what of the published state is still to be
carried out, and what the sources give beyond that, which is not published yet.

Exits with 0 when enabling does what is shown, also where that is nothing; with 1
when something is refused, or keda-trust is installed without rights there; and with
2 when it could not look, or was not called rightly. Colours are for a terminal,
without NO_COLOR.`,
		Example: `  keda-trust diff -n keda --certificate=secret/keda-tls --custom-ca=configmap/corp-roots
  keda-trust diff -n keda && kubectl label namespace keda keda-trust.io/inject=enabled`,
		Args: noArguments("name KEDA's Namespace with -n"),
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	flags.register(c)
	flags.options.registerAnnotations(c)
	return c
}

func (d *diffFlags) run(c *cobra.Command) error {
	over, faults := d.options.readAnnotations(c.Flags())
	if err := errors.Join(append(d.validate(), faults...)...); err != nil {
		return exitError{exitUsage, err}
	}
	_, reader, err := d.connect()
	if err != nil {
		return exitError{exitUsage, err}
	}
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt)
	defer stop()
	return d.look(ctx, newScreen(c.OutOrStdout()), trust.Reader{Live: reader, AsUser: true}, over)
}

func (d *diffFlags) look(ctx context.Context, to screen, reader trust.Reader, over injector.Layer) error {
	seen, err := preview.Read(ctx, reader, d.namespace, over)
	if err != nil {
		return exitError{exitUsage, err}
	}
	if len(seen.Objects) == 0 {
		return exitError{exitUsage, fmt.Errorf("looking for KEDA in Namespace %s: there is none; name its Namespace with -n", d.namespace)}
	}
	ungranted, err := installation.NotGranted(ctx, reader.Live, d.namespace)
	if err != nil {
		return exitError{exitUsage, err}
	}
	if err := printPreview(to, d.namespace, seen); err != nil {
		return exitError{exitUsage, fmt.Errorf("writing the difference: %w", err)}
	}
	if unread := unreadable(seen.Resolution.Findings); unread != "" {
		return exitError{exitUsage, errors.New(unread)}
	}
	if ungranted != nil {
		return exitError{exitRefused, errors.New(ungranted.String())}
	}
	if seen.Refused() {
		return errRefused
	}
	return nil
}

// unreadable is what the account may not read, where that keeps the decision from
// being made: keda-trust has rights of its own, and could.
func unreadable(findings []injector.Finding) string {
	var objects []string
	for _, f := range injector.Faults(findings) {
		if f.Reason == injector.ReasonSourceForbidden {
			objects = append(objects, f.Object)
		}
	}
	if len(objects) == 0 {
		return ""
	}
	return "reading " + strings.Join(objects, ", ") + ": your account may not, so what keda-trust would make of it is not known"
}
