package check

import (
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// customCAs is what KEDA's scalers trust beside the CAs of the image: what the
// operator's template mounts, and whether its pods are of that template.
func (o Observed) customCAs() Edge {
	e := Edge{Name: EdgeCustomCAs}
	d := o.Installation.Deployments[injector.ComponentOperator]
	if d == nil {
		e.Verdict = NotInstalled
		return e
	}
	dirs, _ := o.Installation.CustomCAs()
	at := strings.Join(dirs, ", ")
	s := Side{Who: "the operator verifies what its scalers call", Served: []Served{}, Trusted: Trusted{From: at}}
	var all []*x509.Certificate
	for i, mounted := range o.CustomCAs {
		separator := ", "
		if i == 0 {
			separator = " with "
		}
		s.Trusted.From += separator + mounted.From
		certs, problems := mounted.read(o)
		s.add(problems...)
		all = append(all, certs...)
	}
	s.Trusted.Certificates = certificatesOf(all)
	for _, cert := range all {
		if !o.Now.After(cert.NotAfter) { // one that is over verifies nothing that could end with it, and is told
			s.endsBy(cert.NotAfter)
		}
		if endsSoon(cert, o.Now) {
			s.add(warning(injector.ReasonEndsSoon, s.Trusted.From,
				fmt.Sprintf("the CA %s ends at %s, and less than a tenth of its lifetime is left", injector.Subject(cert), timestamp(cert.NotAfter)), "add the CA that follows it to its source"))
		}
	}
	s.add(o.carried(d)...)
	s.settle()
	e.Sides = []Side{s}
	if len(o.CustomCAs) == 0 {
		e.Facts = []string{"no custom CAs are mounted at " + at + ", so scalers trust the CAs of KEDA's image"}
	}
	return e.settle()
}

// read is what KEDA makes of one object: a file without a certificate is skipped,
// and only KEDA's log tells.
func (c CustomCA) read(o Observed) ([]*x509.Certificate, []Problem) {
	switch {
	case c.Blind:
		return nil, []Problem{warning(injector.ReasonNotReached, c.From, "it is of a kind that cannot be looked into from here", "")}
	case errors.Is(c.Err, injector.ErrNotFound) && c.Optional:
		return nil, nil
	case c.Err != nil:
		return nil, []Problem{Material{From: c.From, Err: c.Err}.unseen()}
	}
	var all []*x509.Certificate
	var problems []Problem
	var empty []string
	for _, file := range slices.Sorted(maps.Keys(c.Files)) {
		object := c.From + " data[" + file + "]"
		certs := lenient(c.Files[file])
		if len(certs) == 0 {
			empty = append(empty, object)
			continue
		}
		all = append(all, certs...)
		bundle, err := injector.ParseBundle(c.Files[file])
		if err != nil {
			problems = append(problems, warning(injector.ReasonCustomCAWarning, object, err.Error(), "KEDA skips that, so mend it at its source"))
			continue
		}
		for _, odd := range bundle.Warnings(o.Now) {
			message, mend, _ := strings.Cut(odd.Message, "; ")
			problems = append(problems, warning(odd.Reason, object, message, mend))
		}
	}
	for _, object := range empty {
		problems = append(problems, skipped(object, len(all) > 0))
	}
	return all, problems
}

// skipped is a file without a certificate. Beside one that has some it need not be
// meant for one, as the tls.key of a Secret that is mounted whole.
func skipped(object string, besideOthers bool) Problem {
	const message = "there is no certificate in it that can be read, and KEDA skips it"
	if besideOthers {
		return warning(injector.ReasonCustomCAWarning, object, message, "where it is to be a CA, want PEM with CERTIFICATE blocks; else mount the keys of CAs alone")
	}
	return broken(injector.ReasonCustomCAInvalid, object, message, "want PEM with CERTIFICATE blocks")
}

// carried says whether the operator's pods run with what is published: KEDA reads
// custom CAs once, at its start.
func (o Observed) carried(d *appsv1.Deployment) []Problem {
	object := "Deployment " + o.Installation.Namespace + "/" + d.Name
	var problems []Problem
	if want := o.published(); want != "" && !slices.ContainsFunc(o.CustomCAs, func(c CustomCA) bool { return c.From == want }) {
		verdict, mend := Broken, "wait, a running keda-trust restarts one component after the other, and none again within some minutes; or have it injected now: "
		if o.State.ManualRollout {
			verdict, mend = Warning, "have it injected: "
		}
		problems = append(problems, Problem{
			Verdict: verdict, Reason: injector.ReasonNotCarried, Object: object,
			Message: "it does not mount " + want + ", which is published as the custom CAs", Mend: mend + "kubectl rollout restart -n " + o.Installation.Namespace + " deployment " + d.Name,
		})
	}
	if behind := rollsOut(d); len(o.CustomCAs) > 0 && behind != "" {
		problems = append(problems, warning(injector.ReasonNotCarried, object, behind,
			"wait for it, or see what holds it up: kubectl rollout status -n "+o.Installation.Namespace+" deployment "+d.Name))
	}
	return problems
}

func (o Observed) published() string {
	if o.State == nil || o.State.CustomCAConfigMap == "" {
		return ""
	}
	return injector.Source{Kind: injector.SourceConfigMap, Name: o.State.CustomCAConfigMap}.Describe(o.Installation.Namespace)
}

// rollsOut says why not every pod is of the newest template; empty where all are, and
// one is available.
func rollsOut(d *appsv1.Deployment) string {
	switch s := d.Status; {
	case s.ObservedGeneration < d.Generation:
		return "its newest template has not been taken up yet, so its pods trust what an older one mounts"
	case s.Replicas == 0:
		return "it has no pods, so nothing trusts what its template mounts"
	case s.UpdatedReplicas < s.Replicas:
		return fmt.Sprintf("only %d of %d pods have the newest template, so the others trust what an older one mounts", s.UpdatedReplicas, s.Replicas)
	case s.AvailableReplicas == 0:
		return "none of its pods is available, so whether they take up what its template mounts is not known"
	}
	return ""
}
