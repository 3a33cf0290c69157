package notice

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/keda-trust/keda-trust/injector"
)

const (
	// maxNote is the most that the API server takes as an Event's note.
	maxNote = 1024
	// Retell is after how long what lasts is told again: short of the hour after which
	// an API server forgets an Event.
	Retell = 50 * time.Minute
)

// Teller makes Events, and keeps when what was told of findings, so that only a
// change is told, and what lasts as often as it would be forgotten. It is safe
// for concurrent use.
type Teller struct {
	recorder events.EventRecorder
	now      func() time.Time

	mu   sync.Mutex
	told map[string]map[string]time.Time
}

// New wires a Teller that has told nothing.
func New(recorder events.EventRecorder, now func() time.Time) *Teller {
	return &Teller{recorder: recorder, now: now, told: map[string]map[string]time.Time{}}
}

// Event tells now and unconditionally. What is too long for an Event is cut.
func (t *Teller) Event(to Audience, eventType string, reason injector.Reason, note string) {
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

// Findings tells those that were not there the time before, or are to be told
// again. They are all that there is to tell of the Namespace: what is missing is
// over, and told anew when it is back.
func (t *Teller) Findings(to Audience, findings []injector.Finding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, told, now := t.told[to.Namespace.Name], map[string]time.Time{}, t.now()
	for _, f := range findings {
		key := findingKey(f)
		if _, twice := told[key]; twice {
			continue
		}
		last, known := before[key]
		if !known || now.Sub(last) >= Retell {
			t.Event(to, eventTypeOf(f), f.Reason, f.Text())
			last = now
		}
		told[key] = last
	}
	t.told[to.Namespace.Name] = told
}

// Forget drops what was told of a namespace.
func (t *Teller) Forget(namespace string) {
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
	switch {
	case f.Reason == injector.ReasonAudit, f.Reason == injector.ReasonNotPublished,
		f.Reason == injector.ReasonBundleElsewhere && f.Warning:
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}
