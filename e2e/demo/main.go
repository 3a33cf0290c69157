package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/keda-trust/keda-trust/e2e/local"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

const usage = `demo installs keda-trust and KEDA %s on a real kube-apiserver and shows what
admission makes of each object. It stays up until it is interrupted.

  make run
  make run ARGS=--once
  make run KUBERNETES=1.30

Flags:
  --once            end after the last step
  --root DIR        the checkout (default .)
  --binary FILE     keda-trust (default bin/keda-trust)

Environment:
  KUBEBUILDER_ASSETS       a directory with kube-apiserver and etcd; make run finds or builds them
  NO_COLOR, FORCE_COLOR    colours are used on a terminal unless one of these is set

Exit codes: 0 everything was injected as it should be, 1 not, 2 wrong usage.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	// The libraries that start the control plane log through controller-runtime;
	// what they say is said here in a reader's words.
	ctrl.SetLogger(logr.Discard())
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprintf(os.Stderr, usage, local.KEDAVersion) }
	once := flags.Bool("once", false, "")
	root := flags.String("root", ".", "")
	binary := flags.String("binary", "bin/keda-trust", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "demo: %q is not a flag; --help says what there is\n", flags.Arg(0))
		return 2
	}
	out := newPrinter(os.Stdout)
	err := tell(ctx, out, story{root: *root, binary: *binary, once: *once})
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		out.say("Interrupted before the end.")
		return 1
	}
	fmt.Fprintf(os.Stderr, "demo: %v\n", err)
	return 1
}
