package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

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
	annotations map[string]string
	leaf, ca    []byte // PEM, nil where not given
	customCAs   []customCAFile
}

type customCAFile struct {
	name string
	pem  []byte
}

func (o *optionFlags) register(c *cobra.Command) {
	o.annotations = map[string]*string{}
	f := c.Flags()
	for _, known := range flagAnnotations {
		o.annotations[known.flag] = f.String(known.flag, "", known.usage)
	}
	f.StringVar(&o.leaf, "leaf", "", "PEM file of the certificate and, if it is to be proven, its key")
	f.StringVar(&o.caBundle, "ca-bundle", "", "PEM file of what verifies the certificate")
	f.StringArrayVar(&o.customCAs, "custom-ca-file", nil, "PEM file of CAs that KEDA's scalers trust; may be repeated, each is a source of its own")
}

// read reports everything that is wrong with the flags at once.
func (o *optionFlags) read() (asked, []error) {
	a := asked{annotations: map[string]string{}}
	var faults []error
	for _, known := range flagAnnotations {
		if value := *o.annotations[known.flag]; value != "" {
			a.annotations[known.annotation] = value
		}
	}
	_, findings := injector.ParseOptions("command line", a.annotations)
	for _, finding := range injector.Faults(findings) {
		key := strings.TrimSuffix(strings.TrimPrefix(finding.Field, "annotations["+injector.Domain+"/"), "]")
		faults = append(faults, fmt.Errorf("--%s: %s", key, finding.Message))
	}
	file := func(flag, name string) []byte {
		if name == "" {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
		}
		return content
	}
	a.leaf, a.ca = file("leaf", o.leaf), file("ca-bundle", o.caBundle)
	for _, name := range o.customCAs {
		a.customCAs = append(a.customCAs, customCAFile{name, file("custom-ca-file", name)})
	}
	return a, faults
}

// secretData is the content of a certificate's Secret as the files give it; nil
// where they give nothing.
func (a asked) secretData() (map[string][]byte, error) {
	data := map[string][]byte{}
	if a.ca != nil {
		data["ca.crt"] = a.ca
	}
	if a.leaf == nil {
		return data, nil
	}
	chain, key := splitLeaf(a.leaf)
	if len(chain) == 0 {
		return nil, errors.New("--leaf: the file has no CERTIFICATE block")
	}
	data["tls.crt"] = chain
	if len(key) > 0 {
		data["tls.key"] = key
	}
	return data, nil
}

// splitLeaf takes a file apart as the Secret would hold it: certificates, and the
// private key if there is one.
func splitLeaf(content []byte) (chain, key []byte) {
	var certificates, keys bytes.Buffer
	for {
		var block *pem.Block
		block, content = pem.Decode(content)
		if block == nil {
			return certificates.Bytes(), keys.Bytes()
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			keys.Write(pem.EncodeToMemory(block))
			continue
		}
		certificates.Write(pem.EncodeToMemory(block))
	}
}
