package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

const usage = `bench measures keda-trust on a real kube-apiserver and prints each figure beside
what is wanted of it.

  make bench
  make bench KUBERNETES=1.34

Flags:
  -n N          samples of each kind of admission (default 300)
  --root DIR    the checkout (default ../..)

Environment:
  KUBEBUILDER_ASSETS    a directory with kube-apiserver and etcd; make bench finds or builds them

Exit codes: 0 everything was measured, whatever the figures, 1 not, 2 wrong usage.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	// What the no-op and the control plane log is no figure.
	ctrl.SetLogger(logr.Discard())
	if len(args) > 0 && args[0] == "references" {
		return codeOf(serveReferences(ctx, args[1:]))
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	n := flags.Int("n", 300, "")
	root := flags.String("root", "../..", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0 || *n < 1:
		fmt.Fprintln(os.Stderr, "bench: want -n of at least 1 and no other arguments; --help says what there is")
		return 2
	}
	r, err := measure(ctx, *root, *n)
	if err == nil {
		r.print(os.Stdout)
	}
	return codeOf(err)
}

func codeOf(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintf(os.Stderr, "bench: %v\n", err)
	return 1
}
