package injector

import "strings"

// ownSources refuses what keda-trust publishes as its source: such a state
// would feed on itself and never follow what somebody changes.
func (r *resolver) ownSources() {
	refuse := func(key string, s Source) {
		secret := s.Kind == SourceSecret && s.Name == PublishedSecret
		configMap := s.Kind == SourceConfigMap && (s.Name == StateConfigMap || strings.HasPrefix(s.Name, PublishedCAPrefix))
		if secret || configMap {
			r.add(r.option(key).fault(ReasonOptionInvalid, "%q is what keda-trust publishes; name its source", s))
		}
	}
	o := r.in.Options
	if o.Certificate != nil {
		refuse(AnnotationCertificate, *o.Certificate)
	}
	for _, s := range o.CertificateCA {
		refuse(AnnotationCertificateCA, s)
	}
	for _, s := range o.CustomCA {
		refuse(AnnotationCustomCA, s)
	}
}

// bundle reads one CA source and tells what is odd about it.
func (r *resolver) bundle(s Source, invalid Reason) (Bundle, bool) {
	content, read := r.in.Contents[s.Object()]
	if !read && r.in.Offline {
		r.add(r.notGiven(s, invalid))
		return Bundle{}, false
	}
	if f, ok := s.unread(r.namespace(), content, read); !ok {
		r.add(f)
		return Bundle{}, false
	}
	key, missing := s.bundleKey(r.namespace(), content)
	if missing != nil {
		r.add(*missing)
		return Bundle{}, false
	}
	b, err := ParseBundle(content.Data[key])
	if err != nil {
		r.add(fault(invalid, s.Describe(r.namespace()), s.field(key), "%v", err))
		return Bundle{}, false
	}
	if invalid == ReasonCustomCAInvalid {
		for _, f := range b.Warnings(r.in.Now) {
			f.Object, f.Field = s.Describe(r.namespace()), s.field(key)
			r.add(f)
		}
	}
	return b, true
}

// notGiven is a CA source that is only in the cluster. Custom CAs that were
// asked for and are missing would be found in production.
func (r *resolver) notGiven(s Source, invalid Reason) Finding {
	if invalid == ReasonCustomCAInvalid {
		return fault(ReasonSourceMissing, s.Describe(r.namespace()), "",
			"it is not in the input, so its CAs cannot be published; add it to the input, or give a file with --custom-ca-file instead")
	}
	return warn(ReasonNotProven, s.Describe(r.namespace()), "",
		"its content was not given, so the CA of the certificate is not known; add it to the input, or give --ca-bundle instead")
}
