// Package roundtrip asks whether the API server reaches keda-trust by way of its
// Service, and answers it: a dry run that creates a ConfigMap, which the probe
// entry of the webhook configuration sends to keda-trust.
//
// It promises to store nothing: the entry matches dry runs of one name only, and
// the ConfigMap is never created. The leader asks from time to time, and so does
// the command line.
package roundtrip
