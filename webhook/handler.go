package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// resolver decides for an installation whose state is not published yet, as the
// leader will. The incoming Deployment, nil for an APIService, stands for the
// stored one.
type resolver interface {
	Resolve(ctx context.Context, namespace string, incoming *appsv1.Deployment) (injector.Resolution, error)
}

// handler answers admission from what is cached and published.
type handler struct {
	namespaces getter // cached
	live       getter
	states     states
	resolver   resolver
}

// verdict is an answer on its way: what came of the request, and what of that
// the writer hears.
type verdict struct {
	result   injector.Result
	warnings []string
}

// mutate is an answerFunc. Whatever happens, the object is allowed.
func (h handler) mutate(ctx context.Context, request *admissionv1.AdmissionRequest) (response *admissionv1.AdmissionResponse) {
	start := time.Now()
	defer func() { durations.Observe(time.Since(start).Seconds()) }()
	defer func() {
		if cause := recover(); cause != nil {
			panics.Inc()
			logger(ctx, request).Error(fmt.Errorf("panic: %v", cause), "Allowing an object as it came", "stack", string(debug.Stack()))
			response = allowed("keda-trust met a fault of its own and left this object as it was; its log says more")
		}
	}()
	v := h.decide(ctx, request)
	admissions.WithLabelValues(v.result.Report.Component, string(v.result.Report.Reason)).Inc()
	response = allowed(v.warnings...)
	if len(v.result.Patch) == 0 {
		return response
	}
	patch, err := json.Marshal(v.result.Patch)
	if err != nil {
		logger(ctx, request).Error(err, "Allowing an object as it came")
		return allowed("keda-trust could not encode its change and left this object as it was")
	}
	form := admissionv1.PatchTypeJSONPatch
	response.Patch, response.PatchType = patch, &form
	return response
}

func allowed(warnings ...string) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Allowed: true, Warnings: warnings}
}

func (h handler) decide(ctx context.Context, request *admissionv1.AdmissionRequest) verdict {
	if crowded(request.Object.Raw) || crowded(request.OldObject.Raw) {
		return undecoded(request)
	}
	s := subjectOf(request)
	if s.namespace == "" {
		return silent()
	}
	namespace, err := h.namespace(ctx, s.namespace)
	if err != nil {
		logger(ctx, request).Error(err, "Allowing an object as it came")
		return told(s, injector.Finding{Reason: injector.ReasonNotPublished, Object: "Namespace " + s.namespace,
			Message: "could not be read, so this object is left as it was; keda-trust's log says more"})
	}
	if namespace == nil {
		return silent()
	}
	mode, findings := injector.ParseMode(namespace.Name, namespace.Labels)
	switch {
	case mode == injector.ModeUnmanaged && len(findings) == 0:
		return silent()
	case mode == injector.ModeUnmanaged:
		return told(s, findings[0])
	case mode != injector.ModeDisabled && !h.states.granted(namespace.Name):
		return told(s, injector.NamespaceNotGranted(namespace.Name))
	}
	state, findings, err := h.state(ctx, s, mode, carriedBy(request))
	if err != nil {
		logger(ctx, request).Error(err, "Answering without a state")
		findings = []injector.Finding{{Reason: injector.ReasonNotPublished, Object: "Namespace " + s.namespace,
			Message: "what is published, or is to be, could not be read, so this object is left as it was; keda-trust's log says more", Warning: true}}
	}
	result := injector.Inject(injector.Request{
		Object:    request.Object.Raw,
		OldObject: request.OldObject.Raw,
		Mode:      mode,
		State:     state,
		Findings:  findings,
	})
	logAnswer(ctx, request, result)
	return verdict{result, warnings(result.Report)}
}

// logAnswer has at level 0 what was changed, and every warning whole: a client is
// shown some of them, and each cut.
func logAnswer(ctx context.Context, request *admissionv1.AdmissionRequest, result injector.Result) {
	level := 1
	if len(result.Patch) > 0 || len(result.Report.Warnings) > 0 {
		level = 0
	}
	logger(ctx, request).V(level).Info("Answered", "component", result.Report.Component, "reason", result.Report.Reason,
		"operations", len(result.Patch), "warnings", result.Report.Warnings)
}

// state is what is published, else what is resolved this once; nil with findings
// where there is none. To take out what was injected needs none, and no rights.
func (h handler) state(ctx context.Context, s subject, mode injector.Mode, object carried) (*injector.State, []injector.Finding, error) {
	if mode == injector.ModeDisabled {
		return nil, nil, nil
	}
	state, err := h.states.read(ctx, s.namespace, object)
	if state != nil || err != nil {
		return state, nil, err
	}
	deployment, _, ours := s.component()
	if !ours {
		return nil, nil, nil
	}
	resolution, err := h.resolver.Resolve(ctx, s.namespace, deployment)
	return resolution.State, resolution.Findings, err
}

// namespace is nil where there is none. One that was made or labelled a moment
// ago may not have reached the cache, so one that the cache does not have with
// the label is read live.
func (h handler) namespace(ctx context.Context, name string) (*corev1.Namespace, error) {
	var namespace corev1.Namespace
	key := client.ObjectKey{Name: name}
	err := h.namespaces.Get(ctx, key, &namespace)
	if _, labelled := namespace.Labels[injector.LabelInject]; err != nil || !labelled {
		namespace = corev1.Namespace{}
		err = h.live.Get(ctx, key, &namespace)
	}
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading Namespace %s: %w", name, err)
	}
	return &namespace, nil
}

func silent() verdict {
	return verdict{result: injector.Result{Report: injector.Report{Reason: injector.ReasonPassedThrough}}}
}

// undecoded warns whoever writes what is too large to be looked into.
func undecoded(request *admissionv1.AdmissionRequest) verdict {
	finding := injector.Finding{Reason: injector.ReasonObjectInvalid, Object: request.Kind.Kind + " " + request.Name,
		Message: fmt.Sprintf("holds more than %d objects, and is left as it was", maxObjects)}
	v := silent()
	v.result.Report.Reason, v.warnings = finding.Reason, limited([]string{finding.String()})
	return v
}

// told warns of a finding whoever writes something of KEDA's.
func told(s subject, finding injector.Finding) verdict {
	v := silent()
	_, component, ours := s.component()
	if !ours {
		return v
	}
	v.result.Report.Component, v.result.Report.Reason = string(component), finding.Reason
	v.warnings = limited([]string{finding.String()})
	return v
}

func logger(ctx context.Context, request *admissionv1.AdmissionRequest) logr.Logger {
	return logr.FromContextOrDiscard(ctx).WithValues("uid", request.UID, "kind", request.Kind.Kind, "namespace", request.Namespace,
		"name", request.Name, "operation", request.Operation)
}
