package main

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitDone    = 0
	exitRefused = 1 // an object was refused, an edge is broken, or what was started failed
	exitUsage   = 2 // wrong usage, or input or output that fails, which a cluster can too
)

// exitError is an error that knows its exit code.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

// Errors that say nothing: what was written to stdout or stderr has said it.
var (
	errRefused = exitError{exitRefused, errors.New("an object was refused")}
	errBroken  = exitError{exitRefused, errors.New("an edge is broken")}
	errNotSeen = exitError{exitUsage, errors.New("an edge could not be looked at")}

	silent = []error{errRefused, errBroken, errNotSeen}
)

// run is the whole program but for the process: arguments and streams in, exit
// code out. What cobra itself complains of is wrong usage.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	called, err := root.ExecuteC()
	if err == nil {
		return exitDone
	}
	var coded exitError
	isCoded := errors.As(err, &coded)
	if slices.Contains(silent, err) {
		return coded.code
	}
	if isCoded {
		fmt.Fprintf(stderr, "keda-trust: %v\n", err)
		return coded.code
	}
	fmt.Fprintf(stderr, "keda-trust: %v\nSee \"%s --help\".\n", err, called.CommandPath())
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "keda-trust",
		Short: "Give KEDA certificates that you chose and CAs that you trust",
		Long: `keda-trust injects into KEDA's Deployments and its APIService the certificate
that KEDA's components use among themselves, and the CAs that its scalers trust.
In a cluster it does so at admission; on a command line, to manifests. What it would
do in a cluster shows diff; whether the trust between KEDA's parts holds says check.`,
		Example: `  helm template keda kedacore/keda -n keda | keda-trust inject -f - | kubectl apply -f -`,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
		Version: version(),

		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(newWebhook(), newInject(), newUninject(), newDiff(), newCheck(), newVersion())
	return root
}

// noArguments refuses what stands without a flag, and says which one it lacks.
func noArguments(instead string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return fmt.Errorf("%q stands without a flag: %s", args[0], instead)
	}
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and what it was built from",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "keda-trust %s\n", version())
			return err
		},
	}
}

// version is what the Go toolchain recorded, so that no build flag can be wrong.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version + " " + info.GoVersion
}
