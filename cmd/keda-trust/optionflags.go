package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/keda-trust/keda-trust/injector"
)

// optionFlags stand for annotations, and for contents that are not in the input.
type optionFlags struct {
	annotations map[string]*string // by flag
	leaf        string
	caBundle    string
	customCAs   []string
}

// flagAnnotations are the annotations that have a flag.
var flagAnnotations = []struct{ flag, annotation, usage string }{
	{"certificate", injector.AnnotationCertificate, "keda, secret/NAME or certificate/NAME; the certificate as installed if not given"},
	{"certificate-ca", injector.AnnotationCertificateCA, "source of the CA where the certificate's Secret has no ca.crt"},
	{"cert-dir", injector.AnnotationCertDir, "directory of the certificate; the one in use if not given"},
	{"custom-ca", injector.AnnotationCustomCA, "list of sources of the CAs that KEDA's scalers trust"},
	{"custom-ca-dir", injector.AnnotationCustomCADir, "directory of these CAs; " + injector.DefaultCustomCADir + " if not given"},
}

// asked is what flags ask for.
type asked struct {
	layer     injector.Layer
	leaf      map[string][]byte // tls.crt and perhaps tls.key
	ca        *pemFile
	customCAs []pemFile
}

type pemFile struct {
	name string
	pem  []byte
}

// registerAnnotations is all that a command needs that reads a cluster.
func (o *optionFlags) registerAnnotations(c *cobra.Command) {
	o.annotations = map[string]*string{}
	for _, known := range flagAnnotations {
		o.annotations[known.flag] = c.Flags().String(known.flag, "", known.usage)
	}
}

func (o *optionFlags) register(c *cobra.Command) {
	o.registerAnnotations(c)
	f := c.Flags()
	f.StringVar(&o.leaf, "leaf", "", "PEM file of the certificate and, if it is to be proven, its key")
	f.StringVar(&o.caBundle, "ca-bundle", "", "PEM file of what verifies the certificate")
	f.StringArrayVar(&o.customCAs, "custom-ca-file", nil, "PEM file of CAs that KEDA's scalers trust; may be repeated, each is a source of its own")
}

// read reports everything that is wrong with the flags at once.
func (o *optionFlags) read(given *pflag.FlagSet) (asked, []error) {
	layer, faults := o.readAnnotations(given)
	a := asked{layer: layer}
	faults = append(faults, o.readFiles(given, &a)...)
	return a, faults
}

// readAnnotations takes the flags that stand for annotations. One that is given
// without a value is told, for a variable of a script may be empty.
func (o *optionFlags) readAnnotations(given *pflag.FlagSet) (injector.Layer, []error) {
	layer := injector.Layer{Object: "command line", Flags: true, Annotations: map[string]string{}}
	for _, known := range flagAnnotations {
		if given.Changed(known.flag) {
			layer.Annotations[known.annotation] = *o.annotations[known.flag]
		}
	}
	var faults []error
	_, findings := injector.Installation{}.Options(layer)
	for _, finding := range injector.Faults(findings) {
		faults = append(faults, fmt.Errorf("%s: %s", finding.Field, finding.Message))
	}
	return layer, faults
}

func (o *optionFlags) readFiles(given *pflag.FlagSet, a *asked) []error {
	var faults []error
	file := func(flag, name string) pemFile {
		content, err := readPEMFile(name)
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
		}
		return pemFile{name, content}
	}
	if given.Changed("ca-bundle") {
		ca := file("ca-bundle", o.caBundle)
		a.ca = &ca
	}
	for _, name := range o.customCAs {
		a.customCAs = append(a.customCAs, file("custom-ca-file", name))
	}
	if !given.Changed("leaf") {
		return faults
	}
	leaf, err := readLeaf(o.leaf)
	if err != nil {
		faults = append(faults, fmt.Errorf("--leaf: %w", err))
	}
	a.leaf = leaf
	return faults
}

func readPEMFile(name string) ([]byte, error) {
	if name == "" {
		return nil, errors.New("name a file")
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, withoutPath(err))
	}
	return content, nil
}
