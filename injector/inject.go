package injector

import (
	"fmt"

	"gomodules.xyz/jsonpatch/v2"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/json"
)

// Request is one object that asks to be injected.
type Request struct {
	// Object is JSON, as it came in; OldObject is what is stored, nil on a
	// create and on the command line.
	Object, OldObject []byte
	Mode              Mode
	// State is what to carry out; nil where nothing is published.
	State *State
	// Findings say why State is nil, or are warnings to pass on.
	Findings []Finding
	// Offline: manifests on a command line, not an object in a cluster.
	Offline bool
	// ValidatingWebhook is what KEDA's ValidatingWebhookConfiguration is
	// called; empty for KEDAValidatingWebhook.
	ValidatingWebhook string
	// Unpatched is [Installation.Unpatched], where nobody but KEDA would fill in
	// the caBundle later.
	Unpatched string
}

// Result is what becomes of a Request; an empty Patch leaves the object as it
// came.
type Result struct {
	Patch  []jsonpatch.Operation
	Report Report
}

// Report says what was done to one object and why. Its JSON is the line that
// the command line writes. Message explains Reason and does not repeat it;
// Warnings name every fault and warning, each with its reason; Injected says
// that the object carries an injection afterwards.
type Report struct {
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Component string   `json:"component"`
	Injected  bool     `json:"injected"`
	Reason    Reason   `json:"reason"`
	Message   string   `json:"message"`
	Warnings  []string `json:"warnings"`
	// Findings are the Warnings as they were found, for who tells them one by one;
	// what audit would do is none.
	Findings []Finding `json:"-"`
}

// header is what tells objects apart; no more of them is decoded for it.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
}

// Inject is the one seam through which admission, the controllers and the command
// line pass. It is a pure function of the request, and never panics, whatever the bytes.
func Inject(r Request) Result {
	var object header
	err := json.Unmarshal(r.Object, &object)
	j := &job{request: r, report: Report{
		Kind: object.Kind, Namespace: object.Metadata.Namespace, Name: object.Metadata.Name, Warnings: []string{},
	}}
	if err != nil {
		return j.unreadable(err)
	}
	switch object.APIVersion + "/" + object.Kind {
	case "apps/v1/Deployment":
		return j.deployment()
	case "apiregistration.k8s.io/v1/APIService":
		return j.apiService()
	case "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration":
		return j.webhookConfiguration()
	}
	return j.left(ReasonPassedThrough)
}

// job is one request on its way to a result.
type job struct {
	request  Request
	report   Report
	injected bool // what came in carries an injection
}

func (j *job) object() string {
	return describeObject(j.report.Kind, j.report.Namespace, j.report.Name)
}

// describeObject names an object of a kind, which in a manifest may leave its
// namespace to whoever applies it.
func describeObject(kind, namespace, name string) string {
	if namespace == "" {
		return kind + " " + name
	}
	return fmt.Sprintf("%s %s/%s", kind, namespace, name)
}

// labelFaults refuses a value that somebody took for "disabled". "enabled" says
// what the Namespace says.
func (j *job) labelFaults(labels map[string]string) []Finding {
	value, found := labels[LabelInject]
	if !found || value == string(ModeDisabled) || value == string(ModeEnabled) || j.request.Mode == ModeDisabled {
		return nil
	}
	return []Finding{fault(ReasonOptionInvalid, j.object(), "metadata.labels["+LabelInject+"]",
		"the value %q is not disabled, the only one with a meaning here; correct it, or remove the label", value)}
}

func (j *job) tell(findings []Finding) {
	j.report.Findings = append(j.report.Findings, findings...)
	for _, f := range findings {
		j.report.Warnings = append(j.report.Warnings, f.String())
	}
}

// tooLarge refuses what the API server would: it would deny the user's write for
// the record, which holds what it replaced.
func (j *job) tooLarge(annotations map[string]string) []Finding {
	if err := validation.ValidateAnnotationsSize(annotations); err != nil {
		return []Finding{fault(ReasonRecordTooLarge, j.object(), "metadata.annotations",
			"with the record of what is replaced, %v; take out of the object what keda-trust is to give it, such as a caBundle of many CAs", err)}
	}
	return nil
}

// unpublished says why there is no state, where nothing is at fault: the command
// line decides at once, but for what the operator would tell.
func (j *job) unpublished() Reason {
	if j.request.Offline {
		return ReasonIssuerNotGiven
	}
	return ReasonNotPublished
}

// left is the result of an object that stays as it came.
func (j *job) left(reason Reason) Result { return j.done(reason, j.injected, nil) }

func (j *job) done(reason Reason, injected bool, patch []jsonpatch.Operation) Result {
	j.report.Reason, j.report.Injected = reason, injected
	if j.report.Message == "" {
		j.report.Message = reason.Sentence()
	}
	return Result{Patch: patch, Report: j.report}
}

// because is done for a fault, the first of which is the message.
func (j *job) because(faults []Finding, patch []jsonpatch.Operation) Result {
	j.report.Message = faults[0].Text()
	if more := len(faults) - 1; more > 0 {
		j.report.Message += fmt.Sprintf(" (and %d more)", more)
	}
	return j.done(faults[0].Reason, j.injected, patch)
}

func (j *job) unreadable(err error) Result {
	f := fault(ReasonObjectInvalid, j.object(), "", "decoding: %v", err)
	j.tell([]Finding{f})
	return j.because([]Finding{f}, nil)
}

// annotationsOf reads the annotations of a stored object; one that cannot be
// read has none.
func annotationsOf(raw []byte) map[string]string {
	var object struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return object.Metadata.Annotations
}
