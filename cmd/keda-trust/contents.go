package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// contents are those of the objects that the options name, as far as the input
// or the flags have them. Options gain a source for each --custom-ca-file.
func (in *input) contents(namespace string, a asked, options *injector.Options, installation injector.Installation) (injector.Contents, error) {
	contents := injector.Contents{}
	for _, source := range options.Objects(installation) {
		content, found, err := in.content(namespace, source)
		if err != nil {
			return nil, err
		}
		if found {
			contents[source] = content
		}
	}
	if err := contentsOfFiles(contents, a, *options, installation); err != nil {
		return nil, err
	}
	for i, file := range a.customCAs {
		source := fileSource(i, file.name)
		options.CustomCA = append(options.CustomCA, source)
		contents[source] = injector.Content{Data: map[string][]byte{"ca.crt": file.pem}}
	}
	return contents, nil
}

// contentsOfFiles lays --leaf and --ca-bundle over the certificate's Secret.
func contentsOfFiles(contents injector.Contents, a asked, options injector.Options, installation injector.Installation) error {
	data, err := a.secretData()
	if err != nil || len(data) == 0 {
		return err
	}
	certificate := injector.Options{Certificate: options.Certificate, KEDAIssues: options.KEDAIssues}
	for _, source := range certificate.Objects(installation) {
		content, found := contents[source]
		content.Partial = content.Partial || !found
		merged := maps.Clone(content.Data)
		if merged == nil {
			merged = map[string][]byte{}
		}
		maps.Copy(merged, data)
		content.Data = merged
		contents[source] = content
	}
	return nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9.]+`)

// fileSource names a file as sources are named, for messages; the number keeps
// files of one name apart.
func fileSource(index int, file string) injector.Source {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(filepath.Base(file)), "-"), "-.")
	return injector.Source{Kind: injector.SourceConfigMap, Name: fmt.Sprintf("custom-ca-file-%d.%s", index+1, name)}
}

// content reads one object of the input.
func (in *input) content(namespace string, source injector.Source) (injector.Content, bool, error) {
	switch source.Kind {
	case injector.SourceSecret:
		return in.secret(namespace, source.Name)
	case injector.SourceConfigMap:
		return in.configMap(namespace, source.Name)
	case injector.SourceCertificate:
		return in.certificate(namespace, source.Name)
	}
	return in.trustBundle(source.Name)
}

func (in *input) secret(namespace, name string) (injector.Content, bool, error) {
	o := in.find("Secret", namespace, name)
	if o == nil {
		return injector.Content{}, false, nil
	}
	secret, err := decode[corev1.Secret](o)
	if err != nil {
		return injector.Content{}, false, unreadable(o)
	}
	data := secret.Data
	if data == nil {
		data = map[string][]byte{}
	}
	for key, value := range secret.StringData {
		data[key] = []byte(value)
	}
	return injector.Content{Data: data}, true, nil
}

// unreadable keeps out what a Secret holds.
func unreadable(o *object) error {
	return fmt.Errorf("reading %s: data is not a map of base64, or stringData not one of text", o.describe())
}

func (in *input) configMap(namespace, name string) (injector.Content, bool, error) {
	o := in.find("ConfigMap", namespace, name)
	if o == nil {
		return injector.Content{}, false, nil
	}
	configMap, err := decode[corev1.ConfigMap](o)
	if err != nil {
		return injector.Content{}, false, unreadable(o)
	}
	data := map[string][]byte{}
	maps.Copy(data, configMap.BinaryData)
	for key, value := range configMap.Data {
		data[key] = []byte(value)
	}
	return injector.Content{Data: data}, true, nil
}

// certificate is cert-manager's: its Secret is seldom in the input, but its name
// is, and that is what pods mount.
func (in *input) certificate(namespace, name string) (injector.Content, bool, error) {
	o := in.find("Certificate", namespace, name)
	if o == nil {
		return injector.Content{}, false, nil
	}
	var certificate struct {
		Spec struct {
			SecretName string `json:"secretName"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(o.raw, &certificate); err != nil {
		return injector.Content{}, false, fmt.Errorf("reading %s: %w", o.describe(), err)
	}
	content, found, err := in.secret(namespace, certificate.Spec.SecretName)
	content.SecretName, content.Partial = certificate.Spec.SecretName, !found
	return content, true, err
}

func (in *input) trustBundle(name string) (injector.Content, bool, error) {
	for _, o := range in.objects {
		if o.Kind != "ClusterTrustBundle" || o.Name != name {
			continue
		}
		var bundle struct {
			Spec struct {
				TrustBundle string `json:"trustBundle"`
			} `json:"spec"`
		}
		if err := json.Unmarshal(o.raw, &bundle); err != nil {
			return injector.Content{}, false, fmt.Errorf("reading %s: %w", o.describe(), err)
		}
		return injector.Content{Data: map[string][]byte{injector.KeyTrustBundle: []byte(bundle.Spec.TrustBundle)}}, true, nil
	}
	return injector.Content{}, false, nil
}
