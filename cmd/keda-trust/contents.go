package main

import (
	"maps"

	"github.com/keda-trust/keda-trust/injector"
)

// contents are those of the objects that options name, as far as the input or
// the flags have them. Options gain the files as sources.
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
	a.addCA(contents, options, installation)
	a.addLeaf(contents, *options, installation)
	for _, file := range a.customCAs {
		options.CustomCA = append(options.CustomCA, addFile(contents, file))
	}
	return contents, nil
}

func addFile(contents injector.Contents, file pemFile) injector.Source {
	source := injector.Source{Kind: injector.SourceFile, Name: file.name}
	contents[source] = injector.Content{Data: map[string][]byte{"ca.crt": file.pem}}
	return source
}

// addCA takes --ca-bundle for the source of the CA. Where KEDA issues there is
// none: then it stands for what KEDA publishes in its Secret.
func (a asked) addCA(contents injector.Contents, options *injector.Options, installation injector.Installation) {
	if a.ca == nil {
		return
	}
	if source, kedaIssues, known := options.CertificateSource(installation); known && kedaIssues {
		lay(contents, source, map[string][]byte{"ca.crt": a.ca.pem})
		return
	}
	options.CertificateCA = []injector.Source{addFile(contents, *a.ca)}
}

// addLeaf lays --leaf over the certificate's Secret. Which Secret a Certificate
// has, only the Certificate tells.
func (a asked) addLeaf(contents injector.Contents, options injector.Options, installation injector.Installation) {
	source, _, known := options.CertificateSource(installation)
	_, read := contents[source]
	if a.leaf == nil || !known || source.Kind == injector.SourceCertificate && !read {
		return
	}
	lay(contents, source, a.leaf)
}

func lay(contents injector.Contents, source injector.Source, data map[string][]byte) {
	content, read := contents[source]
	content.Partial = content.Partial || !read
	merged := map[string][]byte{}
	maps.Copy(merged, content.Data)
	maps.Copy(merged, data)
	content.Data = merged
	contents[source] = content
}

// unusable are the flags that what is installed gives no meaning.
func (a asked) unusable(options injector.Options, installation injector.Installation) []injector.Finding {
	if _, kedaIssues, known := options.CertificateSource(installation); a.leaf == nil || !known || !kedaIssues {
		return nil
	}
	return []injector.Finding{{Reason: injector.ReasonOptionInvalid, Object: a.layer.Object, Field: "--leaf",
		Message: "has no meaning where KEDA issues the certificate itself; name the Secret of yours with --certificate"}}
}
