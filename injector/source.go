package injector

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// SourceKind is the kind of object that a source names.
type SourceKind string

// The kinds of source, spelled as in annotations.
const (
	SourceSecret             SourceKind = "secret"
	SourceConfigMap          SourceKind = "configmap"
	SourceCertificate        SourceKind = "certificate"        // cert-manager.io/v1
	SourceClusterTrustBundle SourceKind = "clustertrustbundle" // certificates.k8s.io

	// SourceFile is a file of a command line, which no annotation can name.
	SourceFile SourceKind = "file"
)

var sourceKindNames = map[SourceKind]string{
	SourceSecret:             "Secret",
	SourceConfigMap:          "ConfigMap",
	SourceCertificate:        "Certificate",
	SourceClusterTrustBundle: "ClusterTrustBundle",
}

// Source names one object in KEDA's namespace (a ClusterTrustBundle apart) and
// perhaps a key in it. Without a key: "ca.crt", or the only key there is.
type Source struct {
	Kind SourceKind `json:"kind"`
	Name string     `json:"name"`
	Key  string     `json:"key,omitempty"`
}

// String is the form in annotations: "secret/NAME/KEY".
func (s Source) String() string {
	if s.Key == "" {
		return string(s.Kind) + "/" + s.Name
	}
	return string(s.Kind) + "/" + s.Name + "/" + s.Key
}

// Object is the same source without its key: what has to be read.
func (s Source) Object() Source { return Source{Kind: s.Kind, Name: s.Name} }

// Describe is the form in messages: "Secret keda/NAME".
func (s Source) Describe(namespace string) string {
	switch s.Kind {
	case SourceFile:
		return "file " + s.Name
	case SourceClusterTrustBundle:
		return sourceKindNames[s.Kind] + " " + s.Name
	}
	return sourceKindNames[s.Kind] + " " + namespace + "/" + s.Name
}

// ParseSource parses KIND/NAME or KIND/NAME/KEY.
func ParseSource(text string) (Source, error) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 {
		return Source{}, fmt.Errorf("%q has no kind: want secret/NAME[/KEY], configmap/NAME[/KEY], certificate/NAME or clustertrustbundle/NAME", text)
	}
	source := Source{Kind: SourceKind(parts[0]), Name: parts[1]}
	if _, ok := sourceKindNames[source.Kind]; !ok {
		return Source{}, fmt.Errorf("%q has the kind %q: want secret, configmap, certificate or clustertrustbundle", text, parts[0])
	}
	if err := checkSourceName(source); err != nil {
		return Source{}, fmt.Errorf("%q: %w", text, err)
	}
	keyed := source.Kind == SourceSecret || source.Kind == SourceConfigMap
	switch {
	case len(parts) == 2:
		return source, nil
	case !keyed:
		return Source{}, fmt.Errorf("%q has a key, which a %s does not take", text, source.Kind)
	case len(parts) > 3:
		return Source{}, fmt.Errorf("%q has %d parts: want %s/NAME or %s/NAME/KEY; sources are in KEDA's own namespace", text, len(parts), source.Kind, source.Kind)
	}
	if msgs := validation.IsConfigMapKey(parts[2]); len(msgs) > 0 {
		return Source{}, fmt.Errorf("%q has the key %q: %s", text, parts[2], strings.Join(msgs, "; "))
	}
	source.Key = parts[2]
	return source, nil
}

func checkSourceName(s Source) error {
	name := s.Name
	if s.Kind == SourceClusterTrustBundle {
		// signer-linked bundles are named SIGNER:NAME with "/" written as ":"
		name = strings.ReplaceAll(name, ":", "-")
	}
	if msgs := validation.IsDNS1123Subdomain(name); len(msgs) > 0 {
		return fmt.Errorf("the name %q is not the name of a %s: %s", s.Name, sourceKindNames[s.Kind], strings.Join(msgs, "; "))
	}
	return nil
}

// splitList splits at commas and newlines, trims blanks and drops empty parts.
func splitList(text string) []string {
	var out []string
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
