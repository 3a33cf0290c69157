// Command render writes manifests/install.yaml from the Helm chart, the source
// of truth. With --check it writes nothing: it prints how the two differ, and
// ends with 1 if they do. Run it in its own folder: go run -C e2e/render .
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const (
	chartDir    = "../../manifests/chart"
	installYAML = "../../manifests/install.yaml"
)

// errDrift says that install.yaml is not what the chart renders.
var errDrift = errors.New("manifests/install.yaml is not what manifests/chart renders: write it with go run -C e2e/render . and commit it")

func main() {
	check := flag.Bool("check", false, "write nothing, and end with 1 if install.yaml is not what the chart renders")
	flag.Parse()
	if err := run(*check, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(check bool, out io.Writer) error {
	rendered, err := Install(chartDir)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(installYAML, []byte(rendered), 0o644)
	}
	committed, err := os.ReadFile(installYAML)
	if err != nil {
		return err
	}
	if string(committed) == rendered {
		return nil
	}
	diff, err := unified(string(committed), rendered)
	if err != nil {
		return err
	}
	fmt.Fprint(out, diff)
	return errDrift
}
