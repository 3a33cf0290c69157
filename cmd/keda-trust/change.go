package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/injector"
)

// inject changes the objects and returns the reports and the documents to add.
// Its errors mean that the input cannot be read.
func (in *input) inject(a asked, now time.Time) ([]injector.Report, []*document, error) {
	d := &decisions{in: in, asked: a, now: now, byNamespace: map[string]*decision{}}
	var reports []injector.Report
	for _, o := range in.objects {
		made := &decision{}
		if o.injectable() {
			var err error
			if made, err = d.of(o); err != nil {
				return nil, nil, err
			}
		}
		report, err := in.change(o, made.request(o))
		if err != nil {
			return nil, nil, err
		}
		made.used = made.used || report.Injected
		reports = append(reports, report)
	}
	added, err := d.published()
	return reports, added, err
}

// uninject is the inverse of inject.
func (in *input) uninject() ([]injector.Report, error) {
	var reports []injector.Report
	for _, o := range in.objects {
		if o.published() {
			if err := o.checkKeys(); err != nil {
				return nil, err
			}
			o.dropped = true
			reports = append(reports, in.droppedReport(o))
			continue
		}
		report, err := in.change(o, injector.Request{Object: o.raw, Mode: injector.ModeDisabled, Offline: true})
		if err != nil {
			return nil, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

func (in *input) droppedReport(o *object) injector.Report {
	return injector.Report{
		Kind: o.Kind, Namespace: in.namespaceOf(o), Name: o.Name,
		Reason: injector.ReasonUninjected, Message: injector.ReasonUninjected.Sentence(), Warnings: []string{},
	}
}

// change passes one object through the seam.
func (in *input) change(o *object, request injector.Request) (injector.Report, error) {
	result := injector.Inject(request)
	if reason := result.Report.Reason; reason != injector.ReasonPassedThrough && reason != injector.ReasonNotKEDA {
		if err := o.checkKeys(); err != nil {
			return injector.Report{}, err
		}
	}
	if o.TypeMeta == deployments {
		result.Report.Namespace = in.namespaceOf(o)
	}
	return result.Report, o.become(result)
}

// published are the ConfigMaps of custom CAs of the namespaces in which they
// are mounted, but for those that are in the input already.
func (d *decisions) published() ([]*document, error) {
	var added []*document
	for _, namespace := range slices.Sorted(maps.Keys(d.byNamespace)) {
		made := d.byNamespace[namespace]
		configMap := made.resolution.CustomCAObject(namespace)
		if !made.used || configMap == nil || d.in.find(configMaps, namespace, configMap.Name) != nil {
			continue
		}
		body, err := yaml.Marshal(configMap)
		if err != nil {
			return nil, fmt.Errorf("writing ConfigMap %s/%s: %w", namespace, configMap.Name, err)
		}
		last := &document{crlf: d.in.crlf}
		last.separator, last.body = last.lines([]byte("---\n")), last.lines(body)
		added = append(added, last)
	}
	return added, nil
}
