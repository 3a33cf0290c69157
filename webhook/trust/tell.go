package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/keda-trust/keda-trust/injector"
)

// maxNote is the most that the API server takes as an Event's note.
const maxNote = 1024

// audience is whom an Event is about.
type audience struct {
	namespace *corev1.Namespace
	operator  *appsv1.Deployment // nil where it is not there
	// ungranted: keda-trust has no Role in the namespace, or not all of it.
	ungranted bool
}

// regarding are the objects. An Event is kept in the namespace of its object: one
// about the Namespace under its own name, where whoever installed KEDA looks. The
// API server takes it also in "default", the only place that is left where
// keda-trust may write nothing in the namespace.
func (a audience) regarding() []runtime.Object {
	namespace := &corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: a.namespace.Name, UID: a.namespace.UID}
	if !a.ungranted {
		namespace.Namespace = a.namespace.Name
	}
	if a.operator == nil {
		return []runtime.Object{namespace}
	}
	return []runtime.Object{namespace, a.operator}
}

// retell is short of the hour after which an API server forgets an Event.
const retell = 50 * time.Minute

// teller makes Events, and keeps when what was told of findings, so that only a
// change is told, and what lasts as often as it would be forgotten.
type teller struct {
	recorder events.EventRecorder
	now      func() time.Time

	mu   sync.Mutex
	told map[string]map[string]time.Time
}

func newTeller(recorder events.EventRecorder, now func() time.Time) *teller {
	return &teller{recorder: recorder, now: now, told: map[string]map[string]time.Time{}}
}

// event tells now and unconditionally.
func (t *teller) event(to audience, eventType string, reason injector.Reason, note string) {
	if len(note) > maxNote {
		note = strings.ToValidUTF8(note[:maxNote-len("…")], "") + "…"
	}
	// Events about one object that agree in action and reason are counted as
	// one, of which the first note stays; so the action tells them apart.
	sum := sha256.Sum256([]byte(note))
	action := string(reason) + "/" + hex.EncodeToString(sum[:4])
	for _, object := range to.regarding() {
		t.recorder.Eventf(object, nil, eventType, string(reason), action, "%s", note)
	}
}

// findings tells those that were not there the time before, or are to be told
// again.
func (t *teller) findings(to audience, findings []injector.Finding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, told, now := t.told[to.namespace.Name], map[string]time.Time{}, t.now()
	for _, f := range findings {
		key := findingKey(f)
		if _, twice := told[key]; twice {
			continue
		}
		last, known := before[key]
		if !known || now.Sub(last) >= retell {
			t.event(to, eventTypeOf(f), f.Reason, f.Text())
			last = now
		}
		told[key] = last
	}
	t.told[to.namespace.Name] = told
}

func (t *teller) forget(namespace string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.told, namespace)
}

// findingKey leaves out sentences that hold the time.
func findingKey(f injector.Finding) string {
	if f.Reason == injector.ReasonLeafExpired || f.Reason == injector.ReasonLeafNotYetValid {
		f.Message = ""
	}
	return f.String()
}

// eventTypeOf: what was asked for is normal; all else is worth a look.
func eventTypeOf(f injector.Finding) string {
	switch f.Reason {
	case injector.ReasonAudit, injector.ReasonNotPublished:
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}

// publication tells what was published, and each CA that KEDA's scalers now
// trust, or no longer do.
func (t *teller) publication(to audience, done publication, r injector.Resolution, before injector.Bundle) {
	if done.any() {
		t.event(to, corev1.EventTypeNormal, injector.ReasonPublished, publishedNote(r))
	}
	if !done.state {
		return
	}
	for _, cert := range r.CustomCAs.Certificates() {
		if !before.Contains(cert) {
			t.event(to, corev1.EventTypeNormal, injector.ReasonCustomCAAdded, injector.Describe(cert))
		}
	}
	for _, cert := range before.Certificates() {
		if !r.CustomCAs.Contains(cert) {
			t.event(to, corev1.EventTypeNormal, injector.ReasonCustomCARemoved, injector.Describe(cert))
		}
	}
}

func publishedNote(r injector.Resolution) string {
	return fmt.Sprintf("state %s: %s, %s", r.State.ID, certificateNote(r), customCANote(r))
}

func certificateNote(r injector.Resolution) string {
	switch {
	case r.State.KEDAIssues:
		return "the certificate is KEDA's own, Secret " + r.State.CertificateSecret
	case r.State.CertificateSecret == "":
		return "certificates are left as they are"
	}
	leaf, err := injector.ParseLeaf(r.Secret["tls.crt"], r.Secret["tls.key"])
	if err != nil {
		return "the certificate in Secret " + r.State.CertificateSecret
	}
	return "the certificate " + leaf.String()
}

func customCANote(r injector.Resolution) string {
	if r.State.CustomCAConfigMap == "" {
		return "no custom CAs"
	}
	return fmt.Sprintf("%d custom CAs in ConfigMap %s", r.CustomCAs.Len(), r.State.CustomCAConfigMap)
}
