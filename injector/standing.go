package injector

import (
	"slices"
	"strings"

	"gomodules.xyz/jsonpatch/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

// Standing is how an object in a cluster stands to what is published.
type Standing struct {
	// Nudge: it does not carry what is published, and a write of it, which
	// admission answers, would change that.
	Nudge bool
	// Restart: that write would change the pod template too.
	Restart bool
	// Why a restart is needed; empty where none is.
	Why Reason
	// Report is what admission would say of that write.
	Report Report
}

// Stand compares a live object with the state of the request, whose OldObject
// does not count. Only the state is a reason to restart, so that another version
// of keda-trust, which would inject something else, is none:
//
//	mode       state  patch      carries the state                 nudge
//	any other  any    any        any                               no
//	enabled    none   any        any                               no
//	enabled    yes    none       any                               no
//	enabled    yes    some       yes, opted out by its label       yes
//	enabled    yes    some       yes, but the state label is wrong yes, if nothing restarts
//	enabled    yes    some       yes                               no
//	enabled    yes    some       no                                yes
//	disabled   any    some       any                               yes
//
// To carry it is to have its CarriedID, and everything that the record lists; what
// the label says is not believed, for a write past admission leaves it as it was. An
// APIService restarts nothing, and is nudged for any patch.
func Stand(r Request) Standing {
	r.OldObject = r.Object
	result := Inject(r)
	s := Standing{Report: result.Report}
	if len(result.Patch) == 0 || (r.Mode != ModeDisabled && (r.Mode != ModeEnabled || r.State == nil)) {
		return s
	}
	d := &appsv1.Deployment{}
	if result.Report.Kind != "Deployment" || json.Unmarshal(r.Object, d) != nil {
		s.Nudge = true
		return s
	}
	s.Restart = touches(result.Patch, "/spec/")
	s.Nudge = true
	carries := !touches(result.Patch, annotationPath(AnnotationStateID)) && stands(d)
	if r.Mode == ModeEnabled && result.Report.Reason != ReasonOptedOut && carries {
		s.Nudge = !s.Restart && touches(result.Patch, "/metadata/labels")
		s.Restart = false
	}
	if s.Restart {
		s.Why = whyRestart(d, result)
	}
	return s
}

func touches(patch []jsonpatch.Operation, path string) bool {
	return slices.ContainsFunc(patch, func(op jsonpatch.Operation) bool { return strings.HasPrefix(op.Path, path) })
}

// stands tells whether everything that the record of d lists is there, and
// nothing of ours that it does not list.
func stands(d *appsv1.Deployment) bool {
	text, found := d.Annotations[AnnotationInjected]
	listed, err := parseRecord(text)
	if !found || err != nil {
		return false
	}
	r, _, findings := recordOf(d, nil)
	if len(findings) > 0 || len(r.Edits) != len(listed.Edits) {
		return false
	}
	live := r.live(d)
	return len(live) == len(r.Edits) && !slices.ContainsFunc(live, func(e edit) bool { return !e.asMade(d, r.Container) })
}

// asMade looks at what identity by name leaves open: the content of a volume,
// and the value of the variable that is ours whatever its value, the first in
// the container, as for digestIn.
func (e edit) asMade(d *appsv1.Deployment, container string) bool {
	spec := d.Spec.Template.Spec
	switch e.Kind {
	case editVolume:
		i := volumeIndex(spec.Volumes, e.Key)
		return i >= 0 && contentOf(spec.Volumes[i]) == e.Now
	case editEnv:
		at := containerIndex(d, container)
		if at < 0 {
			return false // it is in KEDA's, which has another name by now
		}
		i := envIndex(spec.Containers[at].Env, e.Key)
		return i >= 0 && spec.Containers[at].Env[i].Value == e.Now
	}
	return true
}

// contentOf names what a volume of ours shows as its edit does; ours comes first
// of what is projected.
func contentOf(v corev1.Volume) string {
	switch {
	case v.Secret != nil:
		return "Secret " + v.Secret.SecretName
	case v.Projected != nil && len(v.Projected.Sources) > 0 && v.Projected.Sources[0].ConfigMap != nil:
		return "ConfigMap " + v.Projected.Sources[0].ConfigMap.Name
	}
	return ""
}

// RestartReasons are all that a Standing may have as Why.
var RestartReasons = []Reason{
	ReasonUninjected, ReasonFirstInjection, ReasonRepaired, ReasonCustomCAChanged, ReasonCertificateChanged, ReasonStateChanged,
}

// whyRestart names the change that restarts d, the first that is true.
func whyRestart(d *appsv1.Deployment, result Result) Reason {
	before, found, _ := recordOf(d, nil)
	if !result.Report.Injected {
		return ReasonUninjected
	}
	if !found {
		return ReasonFirstInjection
	}
	if !stands(d) {
		return ReasonRepaired
	}
	after := before.after(result.Patch)
	switch {
	case before.now(editVolume, VolumeCustomCA) != after.now(editVolume, VolumeCustomCA):
		return ReasonCustomCAChanged
	case before.now(editEnv, EnvCertificate) != after.now(editEnv, EnvCertificate):
		return ReasonCertificateChanged
	}
	return ReasonStateChanged
}

// now is what r made of key, empty for nothing.
func (r record) now(kind editKind, key string) string {
	i := slices.IndexFunc(r.Edits, func(e edit) bool { return e.Kind == kind && e.Key == key })
	if i < 0 {
		return ""
	}
	return r.Edits[i].Now
}

// after is the record as the patch leaves it.
func (r record) after(patch []jsonpatch.Operation) record {
	path := annotationPath(AnnotationInjected)
	for _, op := range patch {
		text, isText := op.Value.(string)
		if op.Path != path || !isText {
			continue
		}
		if written, err := parseRecord(text); err == nil {
			return written
		}
	}
	return r
}
