package injector

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// bundleRecord says what was injected into an APIService or a
// ValidatingWebhookConfiguration; its JSON is the value of AnnotationInjected.
type bundleRecord struct {
	Format  int          `json:"v"`
	Bundles []bundleEdit `json:"bundles"`
	// SkipsVerify: the original had insecureSkipTLSVerify: true.
	SkipsVerify bool `json:"skipsVerify,omitempty"`
}

// bundleEdit is one caBundle: of the webhook called Key, of an APIService where
// that is empty. Now is the SHA-256 of ours.
type bundleEdit struct {
	Key string `json:"key,omitempty"`
	Was []byte `json:"was,omitempty"`
	Now string `json:"now"`
}

func digest(bundle []byte) string {
	sum := sha256.Sum256(bundle)
	return hex.EncodeToString(sum[:])
}

// original is the caBundle that the user, or KEDA, gave: what is there, unless
// it is ours. ours tells whether it is.
func (r bundleRecord) original(key string, present []byte) (was []byte, ours bool) {
	for _, e := range r.Bundles {
		if e.Key == key && e.Now == digest(present) {
			return e.Was, true
		}
	}
	return present, false
}

// RecordedBundles are the webhooks into which, by the record in the annotations of
// their ValidatingWebhookConfiguration, this caBundle was injected, whatever they
// hold now. There are none without a record, or with one that cannot be read.
func RecordedBundles(annotations map[string]string, bundle []byte) []string {
	var r bundleRecord
	if err := json.Unmarshal([]byte(annotations[AnnotationInjected]), &r); err != nil || r.Format != recordFormat {
		return nil
	}
	var webhooks []string
	for _, e := range r.Bundles {
		if e.Now == digest(bundle) {
			webhooks = append(webhooks, e.Key)
		}
	}
	return webhooks
}

// bundleRecordOf reads the record of what came in, or else of what is stored.
func (j *job) bundleRecordOf(annotations map[string]string) (bundleRecord, []Finding) {
	text, found := annotations[AnnotationInjected]
	if !found {
		text, found = annotationsOf(j.request.OldObject)[AnnotationInjected]
	}
	if !found {
		return bundleRecord{}, nil
	}
	j.injected = true
	var r bundleRecord
	err := json.Unmarshal([]byte(text), &r)
	if err == nil && r.Format != recordFormat {
		err = fmt.Errorf("format %d, this keda-trust knows %d", r.Format, recordFormat)
	}
	if err != nil {
		return bundleRecord{}, []Finding{fault(ReasonRecordInvalid, j.object(), "metadata.annotations["+AnnotationInjected+"]",
			"decoding the record: %v; put it back as it was, or remove the annotation", err)}
	}
	return r, nil
}

func (r bundleRecord) write(annotations *map[string]string) error {
	r.Format = recordFormat
	if r.Bundles == nil {
		r.Bundles = []bundleEdit{}
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding the record: %w", err)
	}
	set(annotations, AnnotationInjected, string(raw))
	return nil
}
