package check

import (
	"bytes"
	"fmt"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// Judge says of each edge whether it holds. An edge to what is not installed does
// not count.
func Judge(o Observed) Answer {
	r := Answer{Namespace: o.Installation.Namespace, Verdict: Holds, Asked: o.asked()}
	r.Edges = []Edge{o.metrics(), o.webhooks(), o.peers(), o.customCAs(), o.own()}
	for i := range r.Edges {
		r.Verdict = worse(r.Verdict, r.Edges[i].Verdict)
	}
	return r
}

// The edges, by their stable names.
const (
	EdgeMetrics   = "api-server-to-metrics-apiserver"
	EdgeWebhooks  = "api-server-to-admission-webhooks"
	EdgePeers     = "metrics-apiserver-to-operator"
	EdgeCustomCAs = "operator-to-custom-cas"
	EdgeOwn       = "api-server-to-keda-trust"
)

// mends says how to mend a certificate of KEDA's, and what is to trust it: by
// whoever writes object where something is published, else by hand.
func (o Observed) mends(object, published string) mend {
	m := mend{
		certificate: "renew it at its source, and see what the proof says of it: keda-trust diff -n " + o.Installation.Namespace,
		trust:       "put the CA that issued it into " + object,
	}
	if issues, known := o.Installation.KEDAIssues(); known && issues {
		secret, _ := o.Installation.IssuedSecret()
		m.certificate = fmt.Sprintf("KEDA issues it itself: kubectl delete secret -n %s %s, and then kubectl rollout restart its Deployments", o.Installation.Namespace, secret)
	}
	if o.State != nil {
		m.trust = fmt.Sprintf("%s (state %s)", published, o.State.ID)
	}
	return m
}

func (o Observed) metrics() Edge {
	e := Edge{Name: EdgeMetrics}
	api, servers := o.Installation.APIService, o.servers(injector.ComponentMetricsAPIServer)
	object := "APIService " + injector.KEDAAPIService
	if api == nil && o.Installation.Deployments[injector.ComponentMetricsAPIServer] == nil {
		e.Verdict = NotInstalled
		return e
	}
	if api == nil {
		e.Problems = append(e.Problems, broken(injector.ReasonObjectMissing, object,
			"it is not there, or points to another Namespace, so no HPA reaches KEDA's metrics", "install KEDA again, once in a cluster"))
		return e.settle()
	}
	from := object + " spec.caBundle"
	v := verifier{roots: lenient(api.Spec.CABundle), from: from, mend: o.mends(from, "any write of it has keda-trust put in what is published: kubectl annotate --overwrite apiservice "+
		injector.KEDAAPIService+" "+injector.AnnotationNudge+"=\"$(date)\"")}
	for _, server := range servers {
		e.Sides = append(e.Sides, v.side(o.Now, server, o.Serving[injector.ComponentMetricsAPIServer]))
	}
	if len(servers) == 0 {
		e.Problems = append(e.Problems, broken(injector.ReasonNoEndpoints, object,
			"it points to Service "+o.Installation.Namespace+"/"+api.Spec.Service.Name+", behind which is no metrics-apiserver that keda-trust recognises", "install KEDA's metrics-apiserver"))
	}
	if api.Spec.InsecureSkipTLSVerify {
		e.Problems = append(e.Problems, broken(injector.ReasonNotVerified, object+" spec.insecureSkipTLSVerify",
			"the API server takes whoever answers for KEDA", "have keda-trust set the caBundle, which drops it, or do both in one write"))
		for i := range e.Sides {
			e.Sides[i].unverified()
		}
	}
	e.Problems = append(e.Problems, o.unverifiedBy(api)...)
	e.Facts = available(api)
	return e.settle()
}

// unverified: nobody verifies, so an empty caBundle is not what is wrong.
func (s *Side) unverified() {
	var left []Problem
	for _, p := range s.Problems {
		if p.Reason != injector.ReasonCAMissing {
			left = append(left, p)
		}
	}
	s.Problems, s.Verifies = left, false
}

// unverifiedBy is what the API server itself met when it last called the service: it
// sees what pods serve also where nobody else reaches them.
func (o Observed) unverifiedBy(api *apiregistrationv1.APIService) []Problem {
	mends := "restart the metrics-apiserver, where it serves another certificate than it mounts"
	if d := o.Installation.Deployments[injector.ComponentMetricsAPIServer]; d != nil {
		mends += ": kubectl rollout restart -n " + d.Namespace + " deployment/" + d.Name
	}
	for _, c := range api.Status.Conditions {
		if c.Type == apiregistrationv1.Available && c.Status == apiregistrationv1.ConditionFalse && strings.Contains(c.Message, "x509: ") {
			return []Problem{broken(injector.ReasonHandshakeFailed, "APIService "+api.Name, "the API server does not verify what answers: "+c.Message, mends)}
		}
	}
	return nil
}

// available is what the API server itself says of the service.
func available(api *apiregistrationv1.APIService) []string {
	for _, condition := range api.Status.Conditions {
		if condition.Type != apiregistrationv1.Available {
			continue
		}
		said := fmt.Sprintf("the API server says: Available is %s, %s", condition.Status, condition.Reason)
		if condition.Status != apiregistrationv1.ConditionTrue && condition.Message != "" {
			said += ": " + condition.Message
		}
		return []string{said}
	}
	return nil
}

func (o Observed) webhooks() Edge {
	e := Edge{Name: EdgeWebhooks}
	vwc, servers := o.Installation.ValidatingWebhook, o.servers(injector.ComponentAdmissionWebhooks)
	object := "ValidatingWebhookConfiguration " + o.Installation.ValidatingWebhookName()
	deployed := o.Installation.Deployments[injector.ComponentAdmissionWebhooks] != nil
	switch {
	case vwc == nil && !deployed:
		e.Verdict = NotInstalled
		return e
	case vwc == nil:
		e.Problems = append(e.Problems, broken(injector.ReasonObjectMissing, object,
			"it is not there, or points to another Namespace, so nobody validates what is written", "install KEDA again, once in a cluster"))
		return e.settle()
	case len(servers) == 0:
		e.Problems = append(e.Problems, broken(injector.ReasonNoEndpoints, object,
			"it calls a Service behind which are no admission-webhooks that keda-trust recognises", "install KEDA's admission-webhooks, or delete it"))
	}
	for _, group := range grouped(vwc.Webhooks, validating, o.Installation.Namespace) {
		for _, server := range servers {
			if server.Service != group.service {
				continue
			}
			v := verifier{who: group.who(), roots: lenient(group.bundle), from: group.from(object),
				mend: o.mends(group.from(object), o.writes())}
			e.Sides = append(e.Sides, v.side(o.Now, server, o.Serving[injector.ComponentAdmissionWebhooks]))
		}
	}
	return e.settle()
}

// writes says who puts what is published into the webhooks' caBundles: keda-trust's
// rights are for KEDA's usual name.
func (o Observed) writes() string {
	if name := o.Installation.ValidatingWebhookName(); name != injector.KEDAValidatingWebhook {
		return "keda-trust may write " + injector.KEDAValidatingWebhook + " only, so put in what is published yourself, by cert-manager's cainjector for one"
	}
	return "keda-trust puts in what is published, by itself, unless the object is labelled " + injector.LabelInject + "=disabled: see what its leader's log says, and the Events about the Namespace, of which CABundleContested tells that another takes it away"
}

// callers are the webhooks of a configuration that call one Service and trust the
// same: in most configurations all.
type callers struct {
	service string
	bundle  []byte
	names   []string
}

func (c callers) who() string { return strings.Join(c.names, ", ") }

func (c callers) from(object string) string {
	return object + " webhooks[" + c.names[0] + "].clientConfig.caBundle"
}

type called struct {
	name   string
	config admissionregistrationv1.WebhookClientConfig
}

func validating(w admissionregistrationv1.ValidatingWebhook) called {
	return called{w.Name, w.ClientConfig}
}

func mutating(w admissionregistrationv1.MutatingWebhook) called {
	return called{w.Name, w.ClientConfig}
}

// grouped takes webhooks that call a Service in namespace, or, with namespace
// empty, those of any and of none, as with a url.
func grouped[W any](webhooks []W, of func(W) called, namespace string) []callers {
	var out []callers
	for _, w := range webhooks {
		c := of(w)
		service := ""
		if c.config.Service != nil {
			service = c.config.Service.Name
		}
		if namespace != "" && (service == "" || c.config.Service.Namespace != namespace) {
			continue
		}
		known := false
		for i := range out {
			if out[i].service == service && bytes.Equal(out[i].bundle, c.config.CABundle) {
				out[i].names, known = append(out[i].names, c.name), true
			}
		}
		if !known {
			out = append(out, callers{service, c.config.CABundle, []string{c.name}})
		}
	}
	return out
}

func (o Observed) own() Edge {
	e := Edge{Name: EdgeOwn}
	switch {
	case o.Own.Err != nil:
		e.Problems = append(e.Problems, unknown(injector.ReasonNotReached, "MutatingWebhookConfiguration "+injector.WebhookConfigurationName,
			fmt.Sprintf("it could not be read: %v", o.Own.Err), "ask for the right to read it"))
		return e.settle()
	case o.Own.Configuration == nil:
		e.Verdict = NotInstalled
		return e
	}
	object := "MutatingWebhookConfiguration " + o.Own.Configuration.Name
	advice := mend{
		certificate: "its replicas renew it by themselves: see what they say, and restart them",
		trust:       "keda-trust writes it by itself: see whether a replica runs and what its log says; an empty one is filled again",
	}
	for _, group := range grouped(o.Own.Configuration.Webhooks, mutating, "") {
		v := verifier{who: group.who(), roots: lenient(group.bundle), from: group.from(object), wants13: false, mend: advice}
		e.Sides = append(e.Sides, v.side(o.Now, o.Own.Server, Material{From: o.Own.Server.object(), Err: errInMemory}))
	}
	e.roundTrip(o.Own)
	return e.settle()
}
