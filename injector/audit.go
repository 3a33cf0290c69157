package injector

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// audit adds sentences about what would be done to the object.
func (j *job) audit(would ...string) {
	for _, sentence := range would {
		j.report.Warnings = append(j.report.Warnings, "audit: "+j.object()+": "+sentence)
	}
}

// audit tells what injection would change.
func (w *deploymentJob) audit(container string, edits []edit) Result {
	for _, e := range edits {
		if !w.has(container, e) {
			w.job.audit(e.describe(container))
		}
	}
	for _, e := range w.live {
		if !anySame(e, edits) {
			for _, holder := range w.holders(e) {
				w.job.audit(e.describeTakingOut(holder))
			}
		}
	}
	return w.finishLabel(ReasonAudit, StateAudit)
}

func (w *deploymentJob) has(container string, e edit) bool {
	if e.isVariable() {
		return !strays(w.incoming, container) && e.asMade(w.incoming, container)
	}
	for _, present := range w.live {
		if present.same(e) && present.Now == e.Now {
			return true
		}
	}
	return false
}

// holders are the containers in which what e made stands.
func (w *deploymentJob) holders(e edit) []string {
	if !e.isVariable() {
		return []string{w.record.Container}
	}
	var names []string
	for _, u := range variables(w.incoming, w.record.Container) {
		names = append(names, w.incoming.Spec.Template.Spec.Containers[u.container].Name)
	}
	return slices.Compact(names)
}

// describe says what e does.
func (e edit) describe(container string) string {
	switch {
	case e.Kind == editVolume:
		return fmt.Sprintf("would add the volume %s with %s", e.Key, e.Now)
	case e.Kind == editMount && e.Was != nil:
		return fmt.Sprintf("would mount %s instead of %s at %s in container %s", e.Now, *e.Was, e.Key, container)
	case e.Kind == editMount:
		return fmt.Sprintf("would mount %s at %s in container %s", e.Now, e.Key, container)
	case e.Kind == editEnv:
		return fmt.Sprintf("would set the variable %s=%s in container %s", e.Key, e.Now, container)
	case e.Was != nil:
		return fmt.Sprintf("would change the argument %q of container %s to %q", *e.Was, container, e.Now)
	}
	return fmt.Sprintf("would append the argument %q to container %s", e.Now, container)
}

// describeTakingOut says what becomes of what e made before.
func (e edit) describeTakingOut(container string) string {
	switch {
	case e.Kind == editVolume:
		return fmt.Sprintf("would take out the volume %s", e.Key)
	case e.Kind == editMount && e.Was != nil:
		return fmt.Sprintf("would mount %s again instead of %s at %s in container %s", *e.Was, e.Now, e.Key, container)
	case e.Kind == editMount:
		return fmt.Sprintf("would no longer mount %s at %s in container %s", e.Now, e.Key, container)
	case e.Kind == editEnv:
		return fmt.Sprintf("would take the variable %s out of container %s", e.Key, container)
	case e.Was != nil:
		return fmt.Sprintf("would change the argument %q of container %s back to %q", e.Now, container, *e.Was)
	}
	return fmt.Sprintf("would take the argument %q out of container %s", e.Now, container)
}

// describeBundleEdit says what becomes of a caBundle; nothing where it stays.
func describeBundleEdit(field string, before, after []byte) []string {
	switch {
	case bytes.Equal(before, after):
		return nil
	case len(after) == 0:
		return []string{"would drop " + field}
	}
	return []string{"would set " + field + " to " + describePEM(after)}
}

func describePEM(pem []byte) string {
	b, err := ParseBundle(pem)
	if err != nil {
		return fmt.Sprintf("%d bytes that are no CA bundle", len(pem))
	}
	var fingerprints []string
	for _, cert := range b.certs {
		fingerprints = append(fingerprints, Fingerprint(cert))
	}
	certificates := "1 certificate"
	if b.Len() > 1 {
		certificates = fmt.Sprintf("%d certificates", b.Len())
	}
	return fmt.Sprintf("%s (SHA-256 %s)", certificates, strings.Join(fingerprints, ", "))
}
