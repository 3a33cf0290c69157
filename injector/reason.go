package injector

import "fmt"

// Reason is a stable code that says why something is as it is. One table,
// [Reason.Sentence], serves log, metric, Event, admission warning and CLI.
type Reason string

// The reasons. Their values are part of the interface: alerts match on them.
const (
	ReasonInjected        Reason = "Injected"
	ReasonUninjected      Reason = "Uninjected"
	ReasonPassedThrough   Reason = "PassedThrough"
	ReasonReleased        Reason = "Released"
	ReasonPublished       Reason = "Published"
	ReasonCustomCAAdded   Reason = "CustomCAAdded"
	ReasonCustomCARemoved Reason = "CustomCARemoved"

	// Of a change of certificate, which is published in stages.
	ReasonRotationStarted  Reason = "RotationStarted"
	ReasonRotationStaged   Reason = "RotationStaged"
	ReasonRotationFinished Reason = "RotationFinished"
	ReasonRotationWaiting  Reason = "RotationWaiting"
	ReasonRotationUnseen   Reason = "RotationUnseen"
	ReasonRotationUnstaged Reason = "RotationUnstaged"
	ReasonSourceFlapping   Reason = "SourceFlapping"
	// What becomes of the caBundles that keda-trust writes itself.
	ReasonBundleRestored   Reason = "CABundleRestored"
	ReasonBundleContested  Reason = "CABundleContested"
	ReasonBundleNotGranted Reason = "CABundleNotGranted"
	ReasonBundleWaiting    Reason = "CABundleWaiting"

	ReasonOptedOut        Reason = "OptedOut"
	ReasonNotKEDA         Reason = "NotKEDA"
	ReasonOwnedElsewhere  Reason = "OwnedElsewhere"
	ReasonBundleElsewhere Reason = "BundleOwnedElsewhere"
	ReasonNothingToDo     Reason = "NothingToDo"
	ReasonNotPublished    Reason = "NotPublished"
	ReasonKEDAIssues      Reason = "KEDAIssues"
	ReasonAudit           Reason = "Audit"

	// Why a component of KEDA restarts.
	ReasonFirstInjection     Reason = "FirstInjection"
	ReasonRepaired           Reason = "Repaired"
	ReasonCertificateChanged Reason = "CertificateChanged"
	ReasonCustomCAChanged    Reason = "CustomCAChanged"
	ReasonStateChanged       Reason = "StateChanged"

	// What becomes of carrying the published state out.
	ReasonRolloutStarted     Reason = "RolloutStarted"
	ReasonRolloutFinished    Reason = "RolloutFinished"
	ReasonRolloutStalled     Reason = "RolloutStalled"
	ReasonRolloutHeld        Reason = "RolloutHeld"
	ReasonRolloutManual      Reason = "RolloutManual"
	ReasonNudgeUnanswered    Reason = "NudgeUnanswered"
	ReasonInjectionContested Reason = "InjectionContested"

	// Of the command line, which has no cluster to look at.
	ReasonCANotGiven     Reason = "CANotGiven"
	ReasonIssuerNotGiven Reason = "IssuerNotGiven"

	ReasonOptionInvalid       Reason = "OptionInvalid"
	ReasonObjectInvalid       Reason = "ObjectInvalid"
	ReasonRecordInvalid       Reason = "RecordInvalid"
	ReasonRecordTooLarge      Reason = "RecordTooLarge"
	ReasonVersionTooOld       Reason = "VersionTooOld"
	ReasonVersionConflict     Reason = "VersionConflict"
	ReasonVariableInFlag      Reason = "VariableInFlag"
	ReasonCommandUnknown      Reason = "CommandUnknown"
	ReasonMountConflict       Reason = "MountConflict"
	ReasonVolumeConflict      Reason = "VolumeConflict"
	ReasonRepeatedFlag        Reason = "RepeatedFlag"
	ReasonNamespaceNotGranted Reason = "NamespaceNotGranted"
	ReasonNameTaken           Reason = "NameTaken"
	ReasonAmbiguous           Reason = "AmbiguousInstallation"

	ReasonSourceMissing    Reason = "SourceMissing"
	ReasonSourceDuplicate  Reason = "SourceDuplicate"
	ReasonSourceForbidden  Reason = "SourceForbidden"
	ReasonKeyMissing       Reason = "KeyMissing"
	ReasonKeyMismatch      Reason = "KeyMismatch"
	ReasonLeafInvalid      Reason = "LeafInvalid"
	ReasonLeafExpired      Reason = "LeafExpired"
	ReasonLeafNotYetValid  Reason = "LeafNotYetValid"
	ReasonNamesMissing     Reason = "NamesMissing"
	ReasonUsageMissing     Reason = "UsageMissing"
	ReasonCAInvalid        Reason = "CAInvalid"
	ReasonCAMissing        Reason = "CAMissing"
	ReasonCANotCA          Reason = "CANotCA"
	ReasonCAUnverified     Reason = "CAUnverified"
	ReasonCustomCAInvalid  Reason = "CustomCAInvalid"
	ReasonCustomCAWarning  Reason = "CustomCAWarning"
	ReasonNotProven        Reason = "NotProven"
	ReasonRotationOverride Reason = "RotationWouldOverwrite"

	// Of check, which looks at what runs.
	ReasonObjectMissing     Reason = "ObjectMissing"
	ReasonNotVerified       Reason = "NotVerified"
	ReasonNoEndpoints       Reason = "NoEndpoints"
	ReasonNotReached        Reason = "NotReached"
	ReasonConnectionRefused Reason = "ConnectionRefused"
	ReasonHandshakeFailed   Reason = "HandshakeFailed"
	ReasonTLSTooOld         Reason = "TLSTooOld"
	ReasonEndsSoon          Reason = "EndsSoon"
	ReasonClientNotAccepted Reason = "ClientNotAccepted"
	ReasonNotCarried        Reason = "NotCarried"
	ReasonNotAnswered       Reason = "NotAnswered"
)

var sentences = map[Reason]string{
	ReasonInjected:        "carries the published state",
	ReasonUninjected:      "what was injected has been taken out again",
	ReasonPassedThrough:   "not an object that keda-trust injects",
	ReasonReleased:        "the namespace is no longer managed; everything stays as it is",
	ReasonPublished:       "a new state has been published",
	ReasonCustomCAAdded:   "a CA was added to what KEDA's scalers trust",
	ReasonCustomCARemoved: "a CA was removed from what KEDA's scalers trust",

	ReasonRotationStarted:  "a change of certificate has begun, in stages so that no handshake fails",
	ReasonRotationStaged:   "a change of certificate has come to its next stage",
	ReasonRotationFinished: "the certificate that the source holds is served, and its CA alone is trusted",
	ReasonRotationWaiting:  "a change of certificate waits for something that does not have what is published",
	ReasonRotationUnseen:   "a change of certificate went on without having seen that everybody has what was published",
	ReasonRotationUnstaged: "every change of certificate takes place at once, as an annotation asks, and handshakes fail meanwhile",
	ReasonSourceFlapping:   "the sources change faster than they are followed",
	ReasonBundleRestored:   "what another writer had made of a caBundle was undone",
	ReasonBundleContested:  "another writer replaces a caBundle again and again",
	ReasonBundleNotGranted: "keda-trust has no right to write a caBundle",
	ReasonBundleWaiting:    "a caBundle is not written before KEDA's pods have followed",

	ReasonOptedOut:        "injection is disabled for this object",
	ReasonNotKEDA:         "not a component of KEDA",
	ReasonOwnedElsewhere:  "another operator manages the certificates of this installation",
	ReasonBundleElsewhere: "a caBundle that another controller fills would not verify the certificate",
	ReasonNothingToDo:     "nothing to change",
	ReasonNotPublished:    "no state is published yet; the object is left as it was",
	ReasonKEDAIssues:      "KEDA issues the certificate itself, and the caBundle is filled in once it has; the object is left as it was",
	ReasonAudit:           "says what would change and changes nothing",

	ReasonFirstInjection:     "was not injected before",
	ReasonRepaired:           "something that had been injected was gone",
	ReasonCertificateChanged: "this version of KEDA reads its certificate only when it starts, and the certificate is another one",
	ReasonCustomCAChanged:    "KEDA reads custom CAs only when it starts, and they are others",
	ReasonStateChanged:       "the published state asks for another pod template",

	ReasonRolloutStarted:     "a component of KEDA restarts with the published state",
	ReasonRolloutFinished:    "all replicas run with the published state",
	ReasonRolloutStalled:     "did not become available in time; the components after it no longer wait for it",
	ReasonRolloutHeld:        "restarted a short while ago; what changed since waits, and then the newest state is carried out",
	ReasonRolloutManual:      "the published state waits for the next write by somebody else, as the annotation asks",
	ReasonNudgeUnanswered:    "a write that admission should have answered came back without the published state",
	ReasonInjectionContested: "somebody takes back again and again what was injected",

	ReasonCANotGiven:     "the CA of the certificate is not known, so the object is left as it was; give --ca-bundle FILE, or add the Secret with its ca.crt to the input",
	ReasonIssuerNotGiven: "who issues the certificate is not known, so the object is left as it was; give --certificate, or add the Deployment of KEDA's operator to the input",

	ReasonOptionInvalid:       "an annotation has a value that is not allowed",
	ReasonObjectInvalid:       "the object cannot be read",
	ReasonRecordInvalid:       "the record of what was injected cannot be read",
	ReasonRecordTooLarge:      "the record of what is to be injected does not fit into the annotations that Kubernetes admits",
	ReasonVersionTooOld:       "this version of KEDA does not have what is asked for",
	ReasonVersionConflict:     "label and image name different versions of KEDA; the lower one counts",
	ReasonVariableInFlag:      "a flag that must change holds a $(VARIABLE)",
	ReasonCommandUnknown:      "the container's command does not start KEDA directly",
	ReasonMountConflict:       "a volume mount is in the way",
	ReasonVolumeConflict:      "a volume has a name that keda-trust needs",
	ReasonRepeatedFlag:        "a flag is given more than once; KEDA takes the last",
	ReasonNamespaceNotGranted: "keda-trust was not granted this namespace at install",
	ReasonNameTaken:           "an object that is not keda-trust's has the name of one that it publishes",
	ReasonAmbiguous:           "more than one Deployment is the same component of KEDA",

	ReasonSourceMissing:    "a source does not exist",
	ReasonSourceDuplicate:  "a source is named more than once",
	ReasonSourceForbidden:  "keda-trust may not read a source",
	ReasonKeyMissing:       "a source does not have the key",
	ReasonKeyMismatch:      "private key and certificate do not belong together",
	ReasonLeafInvalid:      "the certificate cannot be read",
	ReasonLeafExpired:      "the certificate has expired",
	ReasonLeafNotYetValid:  "the certificate is not valid yet",
	ReasonNamesMissing:     "the certificate is not for the names of KEDA's Services",
	ReasonUsageMissing:     "the certificate may not be used as server and client",
	ReasonCAInvalid:        "the CA cannot be read",
	ReasonCAMissing:        "there is no CA for the certificate",
	ReasonCANotCA:          "what is given as CA is not one",
	ReasonCAUnverified:     "the CA does not verify the certificate",
	ReasonCustomCAInvalid:  "a custom CA cannot be read",
	ReasonCustomCAWarning:  "a custom CA is unusual",
	ReasonNotProven:        "contents were not given and have not been proven",
	ReasonRotationOverride: "KEDA's own rotation would overwrite the Secret",

	ReasonObjectMissing:     "an object that KEDA comes with is not there",
	ReasonNotVerified:       "whoever answers is taken for the right one",
	ReasonNoEndpoints:       "nobody ready stands behind a Service",
	ReasonNotReached:        "what is served was not seen",
	ReasonConnectionRefused: "nobody listens where a server should",
	ReasonHandshakeFailed:   "a server does not shake hands",
	ReasonTLSTooOld:         "a server speaks an older TLS than its client wants",
	ReasonEndsSoon:          "a certificate has little of its lifetime left",
	ReasonClientNotAccepted: "a server does not accept its client's certificate",
	ReasonNotCarried:        "what is published does not run in every pod",
	ReasonNotAnswered:       "the API server gets no answer from keda-trust",
}

// Sentence explains the reason in a few words, without a period.
func (r Reason) Sentence() string { return sentences[r] }

// Finding is one thing that is wrong, or, where Warning is set, worth telling:
// which object, which field of it, and a sentence with the value and what is
// allowed.
type Finding struct {
	Reason  Reason
	Object  string // "Secret keda/my-tls"
	Field   string // "data[ca.crt]", may be empty
	Message string // never holds key material
	Warning bool
}

// String is the form for warnings, Events and the CLI.
func (f Finding) String() string { return string(f.Reason) + ": " + f.Text() }

// Text is what String has after the reason.
func (f Finding) Text() string {
	at := f.Object
	if f.Field != "" {
		at += " " + f.Field
	}
	return at + ": " + f.Message
}

func fault(reason Reason, object, field, format string, args ...any) Finding {
	return Finding{Reason: reason, Object: object, Field: field, Message: fmt.Sprintf(format, args...)}
}

func warn(reason Reason, object, field, format string, args ...any) Finding {
	f := fault(reason, object, field, format, args...)
	f.Warning = true
	return f
}

// Forbidden returns the findings of what must not be read, warnings among them. What
// the sources give is known only without any.
func Forbidden(findings []Finding) []Finding {
	var out []Finding
	for _, f := range findings {
		if f.Reason == ReasonSourceForbidden {
			out = append(out, f)
		}
	}
	return out
}

// Faults returns the findings that are not warnings.
func Faults(findings []Finding) []Finding {
	var out []Finding
	for _, f := range findings {
		if !f.Warning {
			out = append(out, f)
		}
	}
	return out
}
