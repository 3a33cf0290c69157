package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/assets/keda"
	"github.com/keda-trust/keda-trust/e2e/cluster/image"
	"github.com/keda-trust/keda-trust/e2e/cluster/node"
)

const usage = `cluster leaves Kubernetes clusters of one node each running.

  export KUBECONFIG=$(cluster up)           start one, unless one runs
  export KUBECONFIG=$(cluster up --keda 2.21)
                                            and let it have KEDA's images
  cluster load keda-trust:dev bin/keda-trust
                                            make an image of a static binary
  cluster down                              take all of them away

It takes kind where docker or podman runs, which was tested with stand-ins for
them only; --with node does without. Elsewhere it starts one node from Go modules
and Debian's packages, which needs Linux and root: 25 minutes on two cores the
first time, less than one from then on. It installs these packages with apt-get,
and takes the networks 10.77.0.0/30 to 10.77.8.0/30, one for each node.

Standard output is a KUBECONFIG and nothing else: its path, or those of several
with a colon between. Exit codes: 0 done, 1 could not be done, 2 wrong usage.

Flags of up:
  --clusters N    have so many, up to 9, that know nothing of each other
                  (default 1)
  --with WHAT     auto, kind or node (default auto)
  --keda VERSION  have the images of that KEDA, 2.15, 2.16, 2.20 or 2.21; repeatable.
                  Built from its Go module, 15 minutes the first time; a node of
                  kind pulls them by itself

Flags of load:
  --kubeconfig PATH
                  have it in that cluster alone (default: in all that run)
  --user UID:GID  who runs it (default 65532:65532)
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// errUsage is what the command line did wrong.
type errUsage struct{ error }

func run(ctx context.Context, args []string) int {
	err := dispatch(ctx, args)
	var wrong errUsage
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(os.Stderr, usage)
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(os.Stderr, "cluster: %v; --help says what there is\n", err)
		return 2
	}
	fmt.Fprintf(os.Stderr, "cluster: %v\n", err)
	return 1
}

var helps = []string{"help", "-h", "-help", "--help"}

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return flag.ErrHelp
	}
	cache, err := gobuild.OpenCache(tell)
	if err != nil {
		return err
	}
	all := clusters(cache)
	switch command, rest := args[0], args[1:]; {
	case command == "up":
		return upCommand(ctx, all, rest)
	case command == "down" && len(rest) == 0:
		return down(ctx, all)
	case command == "down" && slices.Contains(helps, rest[0]):
		return flag.ErrHelp
	case command == "down":
		return errUsage{fmt.Errorf("parsing arguments: down takes none, not %q", rest[0])}
	case command == "load":
		return loadCommand(ctx, all, rest)
	case command == node.InitCommand && len(rest) == 1:
		return node.Init(ctx, rest[0])
	case command == node.RegistryCommand && len(rest) == 2:
		return image.Serve(ctx, rest[0], rest[1])
	case slices.Contains(helps, command):
		return flag.ErrHelp
	default:
		return errUsage{fmt.Errorf("parsing arguments: %q is no command", command)}
	}
}

func upCommand(ctx context.Context, all []cluster, args []string) error {
	flags := newFlags("up")
	with := flags.String("with", withAuto, "")
	wanted := flags.Int("clusters", 1, "")
	var releases []keda.Release
	flags.Func("keda", "", func(asked string) error {
		release, err := keda.Parse(asked)
		releases = append(releases, release)
		return err
	})
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	switch *with {
	case withAuto, withKind, withNode:
	default:
		return errUsage{fmt.Errorf("choosing --with %q: not one of auto, kind, node", *with)}
	}
	if *wanted < 1 || *wanted > len(all) {
		return errUsage{fmt.Errorf("counting --clusters %d: not from 1 to %d", *wanted, len(all))}
	}
	if err := endWithParent(); err != nil {
		return err
	}
	var kubeconfigs []string
	for _, c := range all[:*wanted] {
		kubeconfig, err := c.up(ctx, *with, releases)
		if err != nil {
			return err
		}
		kubeconfigs = append(kubeconfigs, kubeconfig)
	}
	fmt.Println(strings.Join(kubeconfigs, string(os.PathListSeparator)))
	return nil
}

func loadCommand(ctx context.Context, all []cluster, args []string) error {
	flags := newFlags("load")
	only := flags.String("kubeconfig", "", "")
	user := flags.String("user", image.NonRoot, "")
	if err := parse(flags, args, 2); err != nil {
		return err
	}
	binary, err := filepath.Abs(flags.Arg(1))
	if err != nil {
		return fmt.Errorf("finding the binary: %w", err)
	}
	targets, err := existing(all, *only)
	if err != nil {
		return err
	}
	for _, c := range targets {
		if err := c.load(ctx, image.Spec{Name: flags.Arg(0), Binary: binary, User: *user}); err != nil {
			return err
		}
	}
	return nil
}

// down takes away as many as it can.
func down(ctx context.Context, all []cluster) error {
	var failed []error
	for _, c := range all {
		failed = append(failed, c.down(ctx))
	}
	return errors.Join(failed...)
}

func newFlags(command string) *flag.FlagSet {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // what is wrong is in the error
	flags.Usage = func() {}     // run prints it
	return flags
}

// parse takes flags and as many arguments as are wanted.
func parse(flags *flag.FlagSet, args []string, wanted int) error {
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return errUsage{fmt.Errorf("parsing flags: %w", err)}
	case flags.NArg() != wanted:
		return errUsage{fmt.Errorf("parsing arguments: %s takes %d, not %d", flags.Name(), wanted, flags.NArg())}
	}
	return nil
}

// tell writes one line of progress.
func tell(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "cluster: "+format+"\n", args...)
}
