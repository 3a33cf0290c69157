package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/assets/kubernetes"
)

const usage = `assets prints the directory of a kube-apiserver and an etcd, and on demand of a
kube-controller-manager.

  KUBEBUILDER_ASSETS=$(go run -C e2e/assets .) go test ./...
  KUBEBUILDER_ASSETS=$(go run -C e2e/assets . --kubernetes 1.30) go test ./...
  KUBEBUILDER_ASSETS=$(go run -C e2e/assets . --controller-manager) go test ./...

It takes the first of these that works and says on standard error which:

  1. KUBEBUILDER_ASSETS, where it is set.
  2. What an earlier call has left in the cache.
  3. setup-envtest, which downloads them where there is a network. Seconds.
  4. A build from the Go modules of Kubernetes and etcd. 5 to 8 minutes on two
     cores the first time, about half a minute where Go's build cache has it.

No download has a kube-controller-manager: it is built, and stands beside links
to the other two.

Standard output is the directory and nothing else. Exit codes: 0 found,
1 could not be had, 2 wrong usage.

Flags:
  --kubernetes MINOR   which Kubernetes (%s; unset: %s)
  --controller-manager the directory must hold kube-controller-manager, too
  --source WHERE       auto, download (1 to 3) or build (1, 2 and 4) (default auto)

Environment:
  KUBEBUILDER_ASSETS        a directory with all of them, used as it is
  KEDA_TRUST_ASSETS_CACHE   where results are kept (now %s)
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	cache, err := gobuild.OpenCache(tell)
	if err != nil {
		return fail(1, err)
	}
	flags := flag.NewFlagSet("assets", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, usage, strings.Join(kubernetes.Minors(), ", "), kubernetes.DefaultMinor, cache.Dir)
	}
	minor := flags.String("kubernetes", "", "")
	source := flags.String("source", sourceAuto, "")
	controllers := flags.Bool("controller-manager", false, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		return fail(2, fmt.Errorf("parsing arguments: %q is not a flag; --help says what there is", flags.Arg(0)))
	}
	finder, err := newFinder(cache, *minor, *source)
	if err != nil {
		return fail(2, err)
	}
	finder.controllerManager = *controllers
	dir, err := finder.find(ctx)
	if err != nil {
		return fail(1, err)
	}
	fmt.Println(dir)
	return 0
}

func fail(code int, err error) int {
	fmt.Fprintf(os.Stderr, "assets: %v\n", err)
	return code
}

// tell writes one line of progress.
func tell(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "assets: "+format+"\n", args...)
}
