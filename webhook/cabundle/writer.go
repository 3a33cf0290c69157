package cabundle

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/keda-trust/keda-trust/injector"
)

// writer is a field manager with the way in which it writes.
type writer struct {
	manager   string
	operation metav1.ManagedFieldsOperationType
}

func (w writer) String() string {
	return fmt.Sprintf("field manager %q (operation %s)", w.manager, w.operation)
}

func (w writer) compare(other writer) int {
	return cmp.Or(cmp.Compare(w.manager, other.manager), cmp.Compare(w.operation, other.operation))
}

// author is who last wrote a caBundle, as far as managedFields prove it. When is left
// out: an entry has the time of its manager's last write, be it of another field.
type author struct {
	// known is zero where nobody is proven; unknown then says of managedFields why,
	// and whom they name.
	known   writer
	unknown string
}

// String answers "who last wrote it".
func (a author) String() string {
	if a.known == (writer{}) {
		return "not known, for managedFields " + a.unknown
	}
	return a.known.String()
}

func (a author) compare(other author) int {
	return cmp.Or(a.known.compare(other.known), cmp.Compare(a.unknown, other.unknown))
}

// authorOf is who last wrote the caBundle of a webhook, of which something else than
// what keda-trust wrote is known to stand there.
//
//	managedFields have for the field  the last who wrote it
//	one manager, another              that one
//	several                           one of them: who applies what is there already is named beside whoever wrote it
//	keda-trust only, or nobody        not known: whoever takes a field out has none of it, and need not be named at all
//	what this version cannot read     not known
func authorOf(v *admissionregistrationv1.ValidatingWebhookConfiguration, webhook string) author {
	var owners, others []writer
	ours, unreadable := false, false
	for _, entry := range v.ManagedFields {
		owns, err := ownsBundle(entry, webhook)
		unreadable = unreadable || err != nil
		w := writer{manager: entry.Manager, operation: entry.Operation}
		switch {
		case entry.Manager == injector.Name:
			ours = ours || owns
		case owns:
			owners = append(owners, w)
		default:
			others = append(others, w)
		}
	}
	switch owners = sorted(owners); {
	case unreadable:
		return author{unknown: "are of a format that this version cannot read" + named("; they name ", slices.Concat(owners, others))}
	case len(owners) == 0:
		return author{unknown: "name nobody else for it" + named("; others who wrote the object are ", others)}
	case len(owners) > 1 || ours:
		return author{unknown: "name several for it" + named(": ", owners)}
	}
	return author{known: owners[0]}
}

// authorship is what several webhooks have in common.
type authorship struct {
	webhooks []string
	author   author
}

func (a authorship) String() string {
	return fmt.Sprintf("who last wrote that of %s: %s", strings.Join(a.webhooks, ", "), a.author)
}

// authorsOf has each author once, in the order of the webhooks.
func authorsOf(v *admissionregistrationv1.ValidatingWebhookConfiguration, webhooks []string) []authorship {
	var out []authorship
	for _, webhook := range webhooks {
		by := authorOf(v, webhook)
		i := slices.IndexFunc(out, func(a authorship) bool { return a.author == by })
		if i < 0 {
			i, out = len(out), append(out, authorship{author: by})
		}
		out[i].webhooks = append(out[i].webhooks, webhook)
	}
	return out
}

func ownsBundle(entry metav1.ManagedFieldsEntry, webhook string) (bool, error) {
	if entry.FieldsV1 == nil {
		return false, nil
	}
	var fields fieldpath.Set
	if err := fields.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())); err != nil {
		return false, fmt.Errorf("reading managedFields of %q: %w", entry.Manager, err)
	}
	return fields.Has(fieldpath.MakePathOrDie("webhooks", fieldpath.KeyByFields("name", webhook), "clientConfig", "caBundle")), nil
}

// named is empty for nobody.
func named(before string, writers []writer) string {
	var each []string
	for _, w := range sorted(writers) {
		each = append(each, w.String())
	}
	if len(each) == 0 {
		return ""
	}
	return before + strings.Join(each, ", ")
}

// sorted has each once: a manager has an entry for each version of the object.
func sorted(writers []writer) []writer {
	return slices.Compact(slices.SortedFunc(slices.Values(writers), writer.compare))
}
