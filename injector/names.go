package injector

// Everything that keda-trust calls something is spelled here and nowhere else
// in Go; the manifests are held against this file by a test.
const (
	// Domain prefixes every label and annotation of keda-trust.
	Domain = "keda-trust.io"

	// LabelInject opts a Namespace in; its values are those of Mode. On what is
	// injected only "disabled" has a meaning.
	LabelInject = Domain + "/inject"
	// LabelState is written on a Deployment, never in its pod template; its
	// values are the State* constants.
	LabelState = Domain + "/state"

	// AnnotationCertificate names the certificate that KEDA's components use
	// among themselves: "keda", "secret/NAME" or "certificate/NAME".
	AnnotationCertificate = Domain + "/certificate"
	// AnnotationCertificateCA names a CA source for certificates whose Secret
	// has no ca.crt, or not the right one.
	AnnotationCertificateCA = Domain + "/certificate-ca"
	// AnnotationCertDir is the absolute path of the certificate directory.
	AnnotationCertDir = Domain + "/cert-dir"
	// AnnotationCustomCA lists the CA sources that KEDA's scalers trust.
	AnnotationCustomCA = Domain + "/custom-ca"
	// AnnotationCustomCADir is the absolute path of the custom CA directory.
	AnnotationCustomCADir = Domain + "/custom-ca-dir"
	// AnnotationRollout is "automatic" or "manual".
	AnnotationRollout = Domain + "/rollout"
	// AnnotationRotation is "staged" or "immediate".
	AnnotationRotation = Domain + "/rotation"

	// AnnotationComponent on a Deployment overrides recognition; its values
	// are those of Component, or "none".
	AnnotationComponent = Domain + "/component"
	// AnnotationVersion on a Deployment overrides the detected KEDA version.
	AnnotationVersion = Domain + "/version"

	// AnnotationStateID is written on each injected Deployment: the CarriedID of
	// the State that it carries out.
	AnnotationStateID = Domain + "/state-id"
	// AnnotationInjected is written on each injected object: the Record, JSON.
	AnnotationInjected = Domain + "/injected"
	// AnnotationNudge is written by the rollout controller to make the API
	// server ask admission again; the value is when, and what the next leader is
	// to know of the restarts so far.
	AnnotationNudge = Domain + "/nudge"
)

// Values of LabelState.
const (
	StateInjected = "injected" // carries the published state
	StatePending  = "pending"  // nothing is published yet, left as it was
	StateRefused  = "refused"  // could not be injected, left as it was
	StateAudit    = "audit"    // audit mode, left as it was
)

// What keda-trust publishes in KEDA's namespace.
const (
	// LabelManagedBy with the value Name marks what keda-trust publishes: only
	// such objects does it change or delete.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// PublishedSecret holds tls.crt, tls.key and ca.crt, proven.
	PublishedSecret = "keda-trust-certificates"
	// PublishedCAPrefix and a content digest name the immutable ConfigMap of
	// custom CAs.
	PublishedCAPrefix = "keda-trust-ca-"
	// PublishedCAKey is the only key of that ConfigMap, and its file name.
	PublishedCAKey = "keda-trust-ca.crt"
	// StateConfigMap holds the one State of an installation under StateKey.
	StateConfigMap = "keda-trust-state"
	// StateKey is the key of StateConfigMap that holds the State as JSON.
	StateKey = "state.json"
	// AnnotationReleased on StateConfigMap: the Namespace is no longer managed, which
	// has been told. Nobody carries the state out; see Released.
	AnnotationReleased = Domain + "/released"
	// AnnotationPublished on PublishedSecret and StateConfigMap: when what they hold
	// last changed, in RFC 3339.
	AnnotationPublished = Domain + "/published"
	// AnnotationTarget on StateConfigMap: the ID of the State that the sources ask
	// for, which a change of certificate reaches in stages.
	AnnotationTarget = Domain + "/target"
	// AnnotationAsked on StateConfigMap: a digest of the options of the installation,
	// which tells a change of what is asked for from one of what sources hold.
	AnnotationAsked = Domain + "/asked"
	// AnnotationRotationStarted on PublishedSecret, as long as a change of
	// certificate is under way: since when, in RFC 3339.
	AnnotationRotationStarted = Domain + "/rotation-started"
	// AnnotationRotationStage beside it: the stage that was told last.
	AnnotationRotationStage = Domain + "/rotation-stage"
)

// Names inside an injected pod template.
const (
	// VolumeCertificates is the certificate volume that injection adds.
	VolumeCertificates = "keda-trust-certificates"
	// VolumeCustomCA is the projected custom CA volume that injection adds.
	VolumeCustomCA = "keda-trust-custom-ca"
	// EnvCertificate is the variable, read by nobody, whose value is
	// State.CertificateDigest: it restarts a KEDA that does not read its
	// certificate again.
	EnvCertificate = "KEDA_TRUST_CERTIFICATE"
)

// What keda-trust itself is called in a cluster. The chart can rename the
// Namespace and the Service; these are its defaults.
const (
	// Name is the binary, the chart, the field manager and the default
	// Namespace of keda-trust.
	Name = "keda-trust"
	// ServiceName is the Service in front of the webhook's replicas.
	ServiceName = "keda-trust-webhook"
	// WebhookConfigurationName is the MutatingWebhookConfiguration.
	WebhookConfigurationName = "keda-trust"
	// WebhookDeployments, WebhookAPIServices and WebhookProbe are the entries
	// of the MutatingWebhookConfiguration, by path.
	WebhookDeployments = "deployments." + Domain
	WebhookAPIServices = "apiservices." + Domain
	WebhookProbe       = "probe." + Domain
	// PathMutate is where the Deployments and APIServices entries send their
	// AdmissionReviews; PathProbe answers the probe entry.
	PathMutate = "/mutate"
	PathProbe  = "/probe"
	// ProbeConfigMap is the only object that the probe entry matches: its
	// creation as a dry run in keda-trust's own Namespace, never stored.
	ProbeConfigMap = "keda-trust-probe"
	// ServingSecret holds the CAs of the webhook's own serving certificate.
	ServingSecret = "keda-trust-webhook-ca"
	// LeaderElectionID is the Lease of the leader.
	LeaderElectionID = "keda-trust-leader"
)

// Annotations of ServingSecret. Times are RFC 3339.
const (
	// AnnotationRotate forces a rotation when a user gives it a value that it did
	// not have: keda-trust.io/rotate="$(date)".
	AnnotationRotate = Domain + "/rotate"
	// AnnotationRotated is the value of AnnotationRotate that was taken up last.
	AnnotationRotated = Domain + "/rotated"
	// AnnotationRotationReason says why there is a next CA: "Forced" or
	// "TwoThirds".
	AnnotationRotationReason = Domain + "/rotation-reason"
	// AnnotationNextPublished is when the stored caBundle was seen to hold the
	// next CA. The dwell counts from there.
	AnnotationNextPublished = Domain + "/next-published"
	// AnnotationPromoted is when the current CA took over from the previous one.
	AnnotationPromoted = Domain + "/promoted"
)

// What KEDA calls things; sources in the project's facts, KEDA 2.10 to 2.21.
const (
	// KEDAAPIService is the APIService of KEDA's external metrics.
	KEDAAPIService = "v1beta1.external.metrics.k8s.io"
	// KEDAValidatingWebhook is KEDA's ValidatingWebhookConfiguration.
	KEDAValidatingWebhook = "keda-admission"
	// KEDACertSecret is the default of the operator's --cert-secret-name.
	KEDACertSecret = "kedaorg-certs"
	// DefaultCertDir is the default of --cert-dir in KEDA's manifests.
	DefaultCertDir = "/certs"
	// DefaultCustomCADir is where KEDA reads custom CAs.
	DefaultCustomCADir = "/custom/ca"
	// DefaultKEDANamespace is where KEDA's own manifests install it.
	DefaultKEDANamespace = "keda"
)
