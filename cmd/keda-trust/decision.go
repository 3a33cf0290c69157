package main

import (
	"time"

	"github.com/keda-trust/keda-trust/injector"
)

// decisions resolves each namespace once, when the first object of it asks.
type decisions struct {
	in          *input
	asked       asked
	now         time.Time
	byNamespace map[string]*decision
}

// decision is what is to be carried out in one namespace.
type decision struct {
	mode         injector.Mode
	installation injector.Installation
	resolution   injector.Resolution
	used         bool
}

// request asks for the decision to be carried out on o.
func (d *decision) request(o *object) injector.Request {
	return injector.Request{
		Object: o.raw, Offline: true, Mode: d.mode, State: d.resolution.State, Findings: d.resolution.Findings,
		ValidatingWebhook: d.installation.ValidatingWebhookName(), Unpatched: d.installation.Unpatched(o.Kind),
	}
}

// of is the decision for an object.
func (d *decisions) of(o *object) (*decision, error) {
	namespace := d.in.namespaceOf(o)
	if made := d.byNamespace[namespace]; made != nil {
		return made, nil
	}
	made, err := d.resolve(namespace)
	if err != nil {
		return nil, err
	}
	d.byNamespace[namespace] = made
	return made, nil
}

// resolve needs no label on the Namespace: who gives a command wants it done.
func (d *decisions) resolve(namespace string) (*decision, error) {
	labels, annotations, err := d.in.namespaceSays(namespace)
	if err != nil {
		return nil, err
	}
	mode, findings := injector.ParseMode(namespace, labels)
	if mode == injector.ModeUnmanaged {
		mode = injector.ModeEnabled
	}
	installation, more, err := d.in.installation(namespace)
	if err != nil {
		return nil, err
	}
	findings = append(findings, more...)
	options, more := installation.Options(d.asked.layer, annotations)
	findings = append(findings, more...)
	findings = append(findings, d.asked.unusable(options, installation)...)
	made := &decision{mode: mode, installation: installation}
	made.resolution.Findings = findings
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
