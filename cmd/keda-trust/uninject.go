package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newUninject() *cobra.Command {
	var flags manifestFlags
	c := &cobra.Command{
		Use:   "uninject -f FILE",
		Short: "Take out of KEDA's manifests what was injected",
		Long: `The inverse of inject: writes to stdout the manifests as their owner last said
them, without what inject added, and a report to stderr. Exit codes are those of
inject.`,
		Example: `  kubectl get deployments -n keda -o yaml | keda-trust uninject -f -`,
		Args:    noArguments("name files with -f"),
		RunE:    func(c *cobra.Command, _ []string) error { return flags.uninject(c) },
	}
	flags.register(c)
	return c
}

func (m *manifestFlags) uninject(c *cobra.Command) error {
	if err := errors.Join(m.validate()...); err != nil {
		return exitError{exitUsage, err}
	}
	documents, err := readFiles(m.files, c.InOrStdin())
	if err != nil {
		return exitError{exitUsage, err}
	}
	reports, err := newInput(documents, m.namespace).uninject()
	if err != nil {
		return exitError{exitUsage, err}
	}
	return finish(c.OutOrStdout(), c.ErrOrStderr(), m.report, documents, reports)
}
