package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

const usage = `peers measures keda-trust, cert-manager's cainjector and cert-controller side by side
on a real kube-apiserver, and prints each figure beside what is wanted of it.

  make bench-peers
  make bench-peers ARGS='-rounds 1 -rotations 5 -secrets 0'

Flags:
  -rounds N        turns of each contender (default 3)
  -rotations N     changes of the CA in each turn, and again among other Secrets (default 20)
  -secrets N       other Secrets in the cluster, half of them in KEDA's namespace (default 10000);
                   0 leaves that part out
  -lag DURATION    how far the served certificate is behind its Secret while calls are counted
                   (default 5s)
  --root DIR       the checkout (default ../..)

Environment:
  KUBEBUILDER_ASSETS    a directory with kube-apiserver and etcd; make bench-peers finds or builds them

Exit codes: 0 everything was measured, whatever the figures, 1 not, 2 wrong usage.
`

// options are what a run is asked for.
type options struct {
	root                       string
	rounds, rotations, secrets int
	lag                        time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	// What the control plane and the webhook server log is no figure.
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "peers: %v; --help says what there is\n", err)
		return 2
	}
	results, err := measure(ctx, o)
	if err != nil {
		fmt.Fprintf(os.Stderr, "peers: %v\n", err)
		return 1
	}
	results.print(os.Stdout)
	return 0
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flags.IntVar(&o.rounds, "rounds", 3, "")
	flags.IntVar(&o.rotations, "rotations", 20, "")
	flags.IntVar(&o.secrets, "secrets", 10000, "")
	flags.DurationVar(&o.lag, "lag", 5*time.Second, "")
	flags.StringVar(&o.root, "root", "../..", "")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is not a flag", flags.Arg(0))
	case o.rounds < 1 || o.rotations < 1:
		return o, errors.New("want at least one round and one rotation")
	case o.secrets < 0:
		return o, errors.New("want no negative number of Secrets")
	case o.lag < time.Second:
		return o, errors.New("want a lag of at least 1s: less is nothing that a kubelet has")
	}
	return o, nil
}
