package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/keda-trust/keda-trust/webhook/check"
)

type checkFlags struct {
	clusterFlags
	output string
}

func newCheck() *cobra.Command {
	var flags checkFlags
	c := &cobra.Command{
		Use:   "check -n NAMESPACE",
		Short: "Say of each edge of trust in a cluster whether it holds",
		Long: `Looks at the five edges of trust around KEDA, and says of each what is served,
what is trusted, whether that verifies and for which name, when it ends, and where it
does not hold, why and what mends it:

  API server to metrics-apiserver      the APIService's caBundle
  API server to admission-webhooks     the caBundle of each webhook
  metrics-apiserver to operator        mutual, with the certificate that both mount
  operator to custom CAs               what the operator mounts for its scalers
  API server to keda-trust             its caBundle, and a dry run that makes the round trip

Ahead of them it says what came of what the Namespace's label and annotations ask
for: whether that is published, which source or annotation is refused and why, as far
as you may read them, and that what is published stays meanwhile. Where the label is
gone, edges are judged by what is there, and not by what is still published.

It shakes hands with KEDA's pods: directly from inside of the cluster, else by
port-forward, which takes the right to create pods/portforward. What it does not
reach is judged by what the pods mount, as far as you may read it: that may show that
an edge is broken, but not that it holds.
It needs no keda-trust in the cluster and changes nothing.

A certificate of whose lifetime less than a tenth is left is warned of. Exits with 0
when all edges hold, with 1 when one is broken, and with 2 when one could not be
looked at, or on wrong usage. A refused source alone does not change that: what runs goes
on; .asked.status of -o json is for who wants to know. Colours are for a terminal,
without NO_COLOR.`,
		Example: `  keda-trust check -n keda
  keda-trust check -n keda -o json | jq '.edges[] | select(.verdict != "holds")'
  keda-trust check -n keda -o json | jq -e '.asked.status == "published"'`,
		Args: noArguments("name KEDA's Namespace with -n"),
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	flags.register(c)
	c.Flags().StringVarP(&flags.output, "output", "o", "text", `form of the answer: "text" or "json"`)
	return c
}

func (f *checkFlags) run(c *cobra.Command) error {
	faults := f.validate()
	if f.output != "text" && f.output != "json" {
		faults = append(faults, fmt.Errorf("--output: %q is not one of text, json", f.output))
	}
	if err := errors.Join(faults...); err != nil {
		return exitError{exitUsage, err}
	}
	config, reader, err := f.connect()
	if err != nil {
		return exitError{exitUsage, err}
	}
	klog.SetLogger(logr.Discard()) // what a forwarded connection says when it ends
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt)
	defer stop()
	report, err := check.Looker{Live: reader, Ways: check.Ways(config)}.Check(ctx, f.namespace)
	if err != nil {
		return exitError{exitUsage, err}
	}
	if err := writeCheck(c.OutOrStdout(), f.output, report, time.Now()); err != nil {
		return exitError{exitUsage, fmt.Errorf("writing the answer: %w", err)}
	}
	return checkExit(report.Verdict)
}

func writeCheck(out io.Writer, format string, report check.Answer, now time.Time) error {
	if format == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	_, err := io.WriteString(out, checkText(newScreen(out), report, now))
	return err
}

// checkExit is nil where nothing is wrong: a warning still holds.
func checkExit(verdict check.Verdict) error {
	switch verdict {
	case check.Broken:
		return errBroken
	case check.Unknown:
		return errNotSeen
	}
	return nil
}
