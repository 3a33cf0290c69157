// Command kubectl is the real kubectl, built from its module, for the journeys
// that apply, restart, undo and scale as a user does.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
)

func main() {
	os.Exit(cli.Run(cmd.NewDefaultKubectlCommand()))
}
