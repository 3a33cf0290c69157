package injector

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Why a source has no content. They are wrapped by whoever read it, with the
// sentence that names what is absent.
var (
	// ErrNotFound: the object does not exist.
	ErrNotFound = errors.New("not found")
	// ErrForbidden: keda-trust was not granted the right to read it.
	ErrForbidden = errors.New("forbidden")
	// ErrForbiddenToUser is ErrForbidden where somebody looks with an account of
	// their own: what keda-trust was granted is not known then.
	ErrForbiddenToUser = fmt.Errorf("%w to your account", ErrForbidden)
	// ErrNotServed: the cluster has no such kind, as without cert-manager.
	ErrNotServed = errors.New("not served by this cluster")
)

// KeyTrustBundle is the key under which the PEM of a ClusterTrustBundle, its
// spec.trustBundle, stands in a Content.
const KeyTrustBundle = "trustBundle"

// Content is what one object holds, or why that is not known.
type Content struct {
	// Data is that of a Secret or ConfigMap, binary data included; for a
	// Certificate, that of its Secret.
	Data map[string][]byte
	// Partial: Data is what is known of it, and the object may hold more.
	Partial bool
	// SecretName is the Secret of a Certificate; empty for the other kinds.
	SecretName string
	// Err is or wraps ErrNotFound, ErrForbidden or ErrNotServed; anything else
	// is a failure that may pass.
	Err error
}

// Contents are the objects that were read, keyed by [Source.Object].
type Contents map[Source]Content

// Objects lists what has to be read to resolve these options for this
// installation, each object once and in a stable order: what the options name,
// and the Secret that KEDA uses as installed.
func (o Options) Objects(i Installation) []Source {
	var out []Source
	add := func(sources ...Source) {
		for _, s := range sources {
			if s = s.Object(); !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	if s, _, known := o.CertificateSource(i); known {
		add(s)
	}
	add(o.CertificateCA...)
	add(o.CustomCA...)
	return out
}

// CertificateSource is where the certificate is from, and whether KEDA issues
// it. It is not known where nothing is said and the operator is not visible,
// or where no Secret is mounted.
//
//	annotation        operator's rotation   source                     KEDA issues
//	secret, certificate   any               what is named              no
//	keda                  any               the Secret it writes       yes
//	none                  on                the Secret it writes       yes
//	none                  off               the Secret that is mounted no
//	none                  not known         not known
func (o Options) CertificateSource(i Installation) (source Source, kedaIssues, known bool) {
	if o.Certificate != nil {
		return *o.Certificate, false, true
	}
	issues, known := i.KEDAIssues()
	if o.KEDAIssues || (known && issues) {
		name, found := i.IssuedSecret()
		if !found && !o.KEDAIssues {
			return Source{}, true, false
		}
		if !found {
			name = KEDACertSecret
		}
		return Source{Kind: SourceSecret, Name: name}, true, true
	}
	if !known {
		return Source{}, false, false
	}
	name, found := i.CertSecret()
	return Source{Kind: SourceSecret, Name: name}, false, found
}

// unread is the finding for a source without content, ok where it has one.
func (s Source) unread(namespace string, c Content, read bool) (Finding, bool) {
	object := s.Describe(namespace)
	switch {
	case !read:
		return fault(ReasonSourceMissing, object, "", "it was not read"), false
	case c.Err == nil:
		return Finding{}, true
	case errors.Is(c.Err, ErrForbidden):
		return fault(ReasonSourceForbidden, object, "", "reading it: %v; %s", c.Err, s.howToGrant(c)), false
	case errors.Is(c.Err, ErrNotServed):
		return fault(ReasonSourceMissing, object, "", "%v; %s, or name a secret or configmap that holds the same", c.Err, s.howToServe()), false
	case errors.Is(c.Err, ErrNotFound):
		return fault(ReasonSourceMissing, object, "", "%v%s", c.Err, s.howToCreate(c)), false
	}
	return fault(ReasonSourceMissing, object, "", "reading it: %v", c.Err), false
}

// howToGrant goes by what was forbidden: the chart can limit Secrets to names,
// and grants all else as a whole.
func (s Source) howToGrant(c Content) string {
	switch {
	case errors.Is(c.Err, ErrForbiddenToUser):
		return "ask for the right to read it, or look with an account that has it; keda-trust has rights of its own, which this says nothing of"
	case s.Kind == SourceSecret:
		return "add its name to the chart value sourceSecrets"
	case s.Kind == SourceCertificate && c.SecretName != "":
		return "add the name of that Secret to the chart value sourceSecrets"
	case s.Kind == SourceClusterTrustBundle:
		return "the chart grants it by the ClusterRole keda-trust and its binding; install the chart again to put them back"
	}
	return "the chart grants it by the Role keda-trust of this namespace and its binding; install the chart again to put them back"
}

// howToServe goes by the kinds that not every cluster has.
func (s Source) howToServe() string {
	if s.Kind == SourceClusterTrustBundle {
		return "Kubernetes has this kind by itself from 1.37, and before where its API server was started with the feature gate ClusterTrustBundle " +
			"and with that version of certificates.k8s.io in --runtime-config; have it served"
	}
	return "this kind is cert-manager's, which is not installed or no longer; install it"
}

// howToCreate has nothing to add about the Secret of a Certificate, which only
// cert-manager can create.
func (s Source) howToCreate(c Content) string {
	switch {
	case s.Kind == SourceCertificate && c.SecretName != "":
		return ""
	case s.Kind == SourceClusterTrustBundle:
		return "; create it, or correct the annotation"
	}
	return "; create it in this namespace, or correct the annotation"
}

// bundleKey picks the key that holds a CA source's PEM. The other keys of a
// Secret are not repeated: they are not what was asked for.
func (s Source) bundleKey(namespace string, c Content) (string, *Finding) {
	want := s.Key
	if want == "" {
		want = keyCA
		if _, found := c.Data[want]; !found && len(c.Data) == 1 && s.Kind != SourceCertificate {
			for only := range c.Data {
				return only, nil
			}
		}
	}
	if _, found := c.Data[want]; found {
		return want, nil
	}
	f := fault(ReasonKeyMissing, s.Describe(namespace), s.field(want), "the key is not found%s; name the one that holds the CA: %s/%s/KEY", s.otherKeys(c), s.Kind, s.Name)
	if s.Kind == SourceCertificate {
		f.Message = "its Secret " + c.SecretName + " does not have the key: its issuer gives no CA; name a secret or configmap that has it"
	}
	return "", &f
}

func (s Source) otherKeys(c Content) string {
	if s.Kind != SourceConfigMap {
		return ""
	}
	const most = 12
	var keys []string
	for key := range c.Data {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if len(keys) == 0 {
		return ", it has none"
	}
	if len(keys) > most {
		keys = append(keys[:most], "…")
	}
	return ", it has " + strings.Join(keys, ", ")
}

func (s Source) field(key string) string {
	switch s.Kind {
	case SourceFile:
		return ""
	case SourceClusterTrustBundle:
		return "spec.trustBundle"
	}
	return dataField(key)
}
