package injector

import (
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// recordFormat is raised when a record can no longer be read by the version
// before.
const recordFormat = 1

// record says, edit by edit, what was injected into a Deployment; its JSON is
// the value of AnnotationInjected.
type record struct {
	Format    int    `json:"v"`
	Container string `json:"container"`
	Edits     []edit `json:"edits"`
}

func (r record) encode() (string, error) {
	r.Format = recordFormat
	if r.Edits == nil {
		r.Edits = []edit{}
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encoding the record: %w", err)
	}
	return string(raw), nil
}

func parseRecord(text string) (record, error) {
	var r record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return record{}, fmt.Errorf("decoding the record: %w", err)
	}
	if r.Format != recordFormat {
		return record{}, fmt.Errorf("decoding the record: format %d, this keda-trust knows %d", r.Format, recordFormat)
	}
	for _, e := range r.Edits {
		if err := e.check(); err != nil {
			return record{}, fmt.Errorf("decoding the record: %w", err)
		}
	}
	return r, nil
}

// check keeps a record that was edited by hand from touching what keda-trust
// would never have.
func (e edit) check() error {
	reserved := func(name string) bool { return slices.Contains(reservedVolumes, name) }
	switch {
	case e.Kind == editVolume && reserved(e.Key) && e.Was == nil:
	case e.Kind == editMount && e.Key != "" && reserved(e.Now):
	case e.Kind == editEnv && (e.Key == envServiceMinTLS || e.Key == EnvCertificate) && e.Was == nil:
	case e.Kind == editArg && recordedFlags[e.Key] && e.Now != "":
	default:
		return fmt.Errorf("an edit of %s %q to %q is none that keda-trust makes", e.Kind, e.Key, e.Now)
	}
	return nil
}

var recordedFlags = flagSet(flagCertDir, flagCADir, flagCertRotation, flagTLSCertFile, flagTLSPrivateKeyFile,
	flagClientCAFile, flagTLSMinVersion)

// recordOf is what was injected into d. The annotation of the object that comes
// in counts; an installer that replaces annotations, or `rollout undo`, brings
// a template without one, then the stored object's does; and for what neither
// tells of, the names that are reserved for us do.
func recordOf(d *appsv1.Deployment, old []byte) (r record, found bool, findings []Finding) {
	text, found := d.Annotations[AnnotationInjected]
	if !found && usesOurs(d) {
		text, found = annotationsOf(old)[AnnotationInjected]
	}
	if found {
		var err error
		if r, err = parseRecord(text); err != nil {
			return record{}, true, []Finding{fault(ReasonRecordInvalid, describeDeployment(d), "metadata.annotations["+AnnotationInjected+"]",
				"%v; put it back as it was, or delete the Deployment and install it again", err)}
		}
	}
	r.follow(d)
	if findings = r.presume(d); len(findings) > 0 {
		return record{}, true, findings
	}
	return r, found || len(r.Edits) > 0, nil
}

// follow finds the container again that has another name by now: the one that
// mounts what is ours.
func (r *record) follow(d *appsv1.Deployment) {
	if containerIndex(d, r.Container) >= 0 {
		return
	}
	var found []string
	for _, c := range d.Spec.Template.Spec.Containers {
		if slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return slices.Contains(reservedVolumes, m.Name) }) {
			found = append(found, c.Name)
		}
	}
	if len(found) == 1 {
		r.Container = found[0]
	}
}

var reservedVolumes = []string{VolumeCertificates, VolumeCustomCA}

// usesOurs tells whether anything in the template has a name of ours.
func usesOurs(d *appsv1.Deployment) bool {
	return slices.ContainsFunc(reservedVolumes, func(name string) bool { return usesVolume(d, name) })
}

func usesVolume(d *appsv1.Deployment, name string) bool {
	spec := d.Spec.Template.Spec
	return volumeIndex(spec.Volumes, name) >= 0 || len(mountsOf(spec.Containers, name)) > 0
}

func (r record) lists(volume string) bool {
	return slices.ContainsFunc(r.Edits, func(e edit) bool { return e.Kind == editVolume && e.Key == volume })
}

// live are the edits of r that are still there. What was changed since is the
// user's, and a new original.
func (r record) live(d *appsv1.Deployment) []edit {
	if r.hasVolumes() && !usesOurs(d) {
		// Another template: `rollout undo` or `kubectl replace`. The variable is
		// ours by its name there, too.
		r.Edits = slices.DeleteFunc(slices.Clone(r.Edits), func(e edit) bool { return !e.isVariable() })
	}
	var c *corev1.Container
	if i := containerIndex(d, r.Container); i >= 0 {
		c = &d.Spec.Template.Spec.Containers[i]
	}
	args := r.liveArgs(c)
	var out []edit
	for _, e := range r.Edits {
		var there bool
		switch {
		case e.isVariable():
			there = len(variables(d, r.Container)) > 0
		case e.Kind == editArg:
			there = args[e.Key+"\x00"+e.Now]
		default:
			there = e.there(d, c)
		}
		if there {
			out = append(out, e)
		}
	}
	return out
}

func (r record) hasVolumes() bool {
	for _, e := range r.Edits {
		if e.Kind == editVolume {
			return true
		}
	}
	return false
}

// there is for what is neither an argument nor the variable.
func (e edit) there(d *appsv1.Deployment, c *corev1.Container) bool {
	switch {
	case e.Kind == editVolume:
		return volumeIndex(d.Spec.Template.Spec.Volumes, e.Key) >= 0
	case c == nil:
		return false
	case e.Kind == editEnv:
		i := envIndex(c.Env, e.Key)
		return i >= 0 && c.Env[i].Value == e.Now && c.Env[i].ValueFrom == nil
	}
	i := mountIndex(c.VolumeMounts, e.Key)
	return i >= 0 && c.VolumeMounts[i].Name == e.Now
}

// liveArgs are the recorded arguments that are still ours. Installers restate
// args as a whole; then an argument that looks like ours is what they say.
//
//	something of ours is gone, and           the list was
//	what we had changed is as it was         restated
//	all that we had appended is there        edited
//	nothing that we had appended is there    restated
//	otherwise                                restated if half of ours is gone
func (r record) liveArgs(c *corev1.Container) map[string]bool {
	live := map[string]bool{}
	if c == nil {
		return live
	}
	args, err := parseArgv(c)
	if err != nil {
		return live // told by the plan
	}
	var seen tally
	for _, e := range r.Edits {
		if e.Kind != editArg {
			continue
		}
		_, found := findArg(args, e.Key, e.Now)
		live[e.Key+"\x00"+e.Now] = found
		seen.add(e, found, args)
	}
	if seen.restated() {
		clear(live)
	}
	return live
}

// tally counts the recorded arguments that are there and gone.
type tally struct {
	there, gone, appendedThere, appendedGone int
	asItWas                                  bool
}

func (n *tally) add(e edit, found bool, args argv) {
	switch {
	case found && e.Was == nil:
		n.there, n.appendedThere = n.there+1, n.appendedThere+1
	case found:
		n.there++
	case e.Was == nil:
		n.gone, n.appendedGone = n.gone+1, n.appendedGone+1
	default:
		_, back := findArg(args, e.Key, *e.Was)
		n.gone, n.asItWas = n.gone+1, n.asItWas || back
	}
}

func (n tally) restated() bool {
	switch {
	case n.gone == 0:
		return false
	case n.asItWas:
		return true
	case n.appendedThere > 0 && n.appendedGone == 0:
		return false
	case n.appendedGone > 0 && n.appendedThere == 0:
		return true
	}
	return n.gone >= n.there
}
