package cabundle

import (
	"bytes"
	"cmp"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/keda-trust/keda-trust/injector"
)

// writer is who replaced a caBundle, by managedFields. Whoever takes a field out
// owns nothing of it, so then it is who wrote the object last: guessed. The zero
// writer is not known.
type writer struct {
	manager   string
	operation metav1.ManagedFieldsOperationType
	guessed   bool
}

func (w writer) String() string {
	who := fmt.Sprintf("field manager %q (operation %s)", w.manager, w.operation)
	switch {
	case w.manager == "":
		return "a writer that managedFields do not name"
	case w.guessed:
		return "probably " + who + ", which wrote the object last"
	}
	return who
}

func (w writer) compare(other writer) int {
	return cmp.Or(cmp.Compare(w.manager, other.manager), cmp.Compare(w.operation, other.operation), cmp.Compare(w.String(), other.String()))
}

// writerOf is who owns the caBundle of one of these webhooks, else who wrote last;
// of several, the latest.
func writerOf(v *admissionregistrationv1.ValidatingWebhookConfiguration, webhooks []string) writer {
	var owner, last *metav1.ManagedFieldsEntry
	for i := range v.ManagedFields {
		entry := &v.ManagedFields[i]
		if entry.Manager == injector.Name {
			continue
		}
		if later(entry, last) {
			last = entry
		}
		if owns(entry, webhooks) && later(entry, owner) {
			owner = entry
		}
	}
	switch {
	case owner != nil:
		return writer{manager: owner.Manager, operation: owner.Operation}
	case last != nil:
		return writer{manager: last.Manager, operation: last.Operation, guessed: true}
	}
	return writer{}
}

// later: with equal times, which have no fractions of a second, the later entry.
func later(entry, than *metav1.ManagedFieldsEntry) bool {
	return than == nil || !entry.Time.Before(than.Time)
}

func owns(entry *metav1.ManagedFieldsEntry, webhooks []string) bool {
	if entry.FieldsV1 == nil {
		return false
	}
	var fields fieldpath.Set
	if err := fields.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())); err != nil {
		return false // of a format that is newer than we are: then who wrote last
	}
	for _, webhook := range webhooks {
		if fields.Has(fieldpath.MakePathOrDie("webhooks", fieldpath.KeyByFields("name", webhook), "clientConfig", "caBundle")) {
			return true
		}
	}
	return false
}
