package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/injector"
)

// input is all documents of a command line as one set of manifests.
type input struct {
	documents []*document
	objects   []*object
	namespace string // of objects that name none
}

func newInput(documents []*document, namespace string) *input {
	in := &input{documents: documents, namespace: namespace}
	for _, d := range documents {
		in.objects = append(in.objects, d.objects...)
	}
	return in
}

// namespaceOf is where an object is, or, for one without a namespace of its own,
// the Service that it points to.
func (in *input) namespaceOf(o *object) (string, error) {
	switch o.Kind {
	case "APIService", "ValidatingWebhookConfiguration":
		return injector.NamespaceOf(o.raw)
	}
	if o.Namespace == "" {
		return in.namespace, nil
	}
	return o.Namespace, nil
}

// decide resolves each namespace once, when the first object of it asks.
type decide struct {
	in        *input
	asked     asked
	now       time.Time
	decisions map[string]*decision
}

// decision is what is to be carried out in one namespace.
type decision struct {
	mode       injector.Mode
	resolution injector.Resolution
	used       bool
}

// inject changes the objects and returns the reports and the documents to add.
// Its errors mean that the input cannot be read.
func (in *input) inject(a asked, now time.Time) ([]injector.Report, []*document, error) {
	d := decide{in: in, asked: a, now: now, decisions: map[string]*decision{}}
	var reports []injector.Report
	for _, o := range in.objects {
		request := injector.Request{Object: o.raw, Offline: true}
		if injectable(o) {
			made, err := d.of(o)
			if err != nil {
				return nil, nil, err
			}
			request.Mode, request.State, request.Findings = made.mode, made.resolution.State, made.resolution.Findings
		}
		report, err := in.change(o, request)
		if err != nil {
			return nil, nil, err
		}
		if report.Injected {
			d.decisions[d.key(o)].used = true
		}
		reports = append(reports, report)
	}
	added, err := d.published()
	return reports, added, err
}

// uninject is the inverse of inject.
func (in *input) uninject() ([]injector.Report, error) {
	var reports []injector.Report
	for _, d := range in.documents {
		for _, o := range d.objects {
			if o.published() {
				d.dropped = true
				reports = append(reports, o.report(injector.ReasonUninjected))
				continue
			}
			report, err := in.change(o, injector.Request{Object: o.raw, Mode: injector.ModeDisabled, Offline: true})
			if err != nil {
				return nil, err
			}
			reports = append(reports, report)
		}
	}
	return reports, nil
}

// change passes one object through the seam.
func (in *input) change(o *object, request injector.Request) (injector.Report, error) {
	result := injector.Inject(request)
	if o.Kind == "Deployment" && result.Report.Namespace == "" {
		result.Report.Namespace = in.namespace
	}
	return result.Report, o.patch(result.Patch)
}

func (o *object) report(reason injector.Reason) injector.Report {
	return injector.Report{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Reason: reason, Message: reason.Sentence(), Warnings: []string{}}
}

// published says whether this is the document that inject adds.
func (o *object) published() bool {
	return o.Kind == "ConfigMap" && strings.HasPrefix(o.Name, injector.PublishedCAPrefix) && injector.Published(o.Labels)
}

func injectable(o *object) bool {
	return o.Kind == "Deployment" || o.Kind == "APIService" || o.Kind == "ValidatingWebhookConfiguration"
}

func (d *decide) key(o *object) string {
	namespace, err := d.in.namespaceOf(o)
	if err != nil {
		return ""
	}
	return namespace
}

func (d *decide) of(o *object) (*decision, error) {
	namespace := d.key(o)
	if made := d.decisions[namespace]; made != nil {
		return made, nil
	}
	made, err := d.resolve(namespace)
	if err != nil {
		return nil, err
	}
	d.decisions[namespace] = made
	return made, nil
}

func (d *decide) resolve(namespace string) (*decision, error) {
	labels, annotations := d.in.annotations(namespace, d.asked.annotations)
	mode, findings := injector.ParseMode(namespace, labels)
	if mode == injector.ModeUnmanaged && len(findings) == 0 {
		mode = injector.ModeEnabled
	}
	installation, more, err := d.in.installation(namespace)
	if err != nil {
		return nil, err
	}
	findings = append(findings, more...)
	options, more := installation.Options(injector.Layer{Object: "Namespace " + namespace, Annotations: annotations})
	findings = append(findings, more...)
	made := &decision{mode: mode, resolution: injector.Resolution{Findings: findings}}
	if mode == injector.ModeDisabled || len(injector.Faults(findings)) > 0 {
		return made, nil
	}
	contents, err := d.in.contents(namespace, d.asked, &options, installation)
	if err != nil {
		return nil, err
	}
	made.resolution = injector.Resolve(injector.ResolveInput{
		Options: options, Installation: installation, Contents: contents, Now: d.now, Offline: true,
	})
	made.resolution.Findings = append(findings, made.resolution.Findings...)
	return made, nil
}

// annotations are those of the flags under those of the Namespace in the input.
func (in *input) annotations(namespace string, flags map[string]string) (labels, annotations map[string]string) {
	annotations = maps.Clone(flags)
	for _, o := range in.objects {
		if o.Kind == "Namespace" && o.APIVersion == "v1" && o.Name == namespace {
			maps.Copy(annotations, o.Annotations)
			labels = o.Labels
		}
	}
	return labels, annotations
}

// installation is KEDA in namespace as far as the input shows it.
func (in *input) installation(namespace string) (injector.Installation, []injector.Finding, error) {
	var (
		deployments []*appsv1.Deployment
		api         *apiregistrationv1.APIService
		vwc         *admissionregistrationv1.ValidatingWebhookConfiguration
		err         error
	)
	for _, o := range in.objects {
		if here, err := in.namespaceOf(o); err != nil || here != namespace {
			continue
		}
		switch {
		case o.Kind == "Deployment":
			var deployment *appsv1.Deployment
			deployment, err = decode[appsv1.Deployment](o)
			deployments = append(deployments, deployment)
		case o.Kind == "APIService" && o.Name == injector.KEDAAPIService:
			api, err = decode[apiregistrationv1.APIService](o)
		case o.Kind == "ValidatingWebhookConfiguration" && o.Name == injector.KEDAValidatingWebhook:
			vwc, err = decode[admissionregistrationv1.ValidatingWebhookConfiguration](o)
		}
		if err != nil {
			return injector.Installation{}, nil, err
		}
	}
	installation, findings := injector.NewInstallation(namespace, deployments, api, vwc)
	return installation, findings, nil
}

func decode[T any](o *object) (*T, error) {
	into := new(T)
	if err := json.Unmarshal(o.raw, into); err != nil {
		return nil, fmt.Errorf("reading %s: %w", o.describe(), err)
	}
	return into, nil
}

// published are the ConfigMaps of custom CAs of the namespaces in which they
// are mounted, but for those that are in the input already.
func (d *decide) published() ([]*document, error) {
	var added []*document
	for _, namespace := range slices.Sorted(maps.Keys(d.decisions)) {
		made := d.decisions[namespace]
		configMap := made.resolution.CustomCAObject(namespace)
		if !made.used || configMap == nil || d.in.has("ConfigMap", namespace, configMap.Name) {
			continue
		}
		body, err := yaml.Marshal(configMap)
		if err != nil {
			return nil, fmt.Errorf("writing ConfigMap %s/%s: %w", namespace, configMap.Name, err)
		}
		added = append(added, &document{separator: []byte("---\n"), body: body})
	}
	return added, nil
}

func (in *input) has(kind, namespace, name string) bool {
	return in.find(kind, namespace, name) != nil
}

func (in *input) find(kind, namespace, name string) *object {
	for _, o := range in.objects {
		if here, err := in.namespaceOf(o); err == nil && here == namespace && o.Kind == kind && o.Name == name {
			return o
		}
	}
	return nil
}
