package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"
)

// requestMetric is the API server's own count of what it was asked.
const requestMetric = "apiserver_request_total"

// request is what requestMetric tells apart and matters here.
type request struct{ verb, resource string }

// requests are how many of each there were.
type requests map[request]int

// readRequests asks an API server for its count.
func readRequests(ctx context.Context, client rest.Interface) (requests, error) {
	text, err := client.Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's metrics: %w", err)
	}
	return parseRequests(text)
}

// parseRequests leaves out what is no request for objects, and writes of a
// status, which only the API server's own controllers make here.
func parseRequests(text []byte) (requests, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading the API server's metrics: %w", err)
	}
	family := families[requestMetric]
	if family == nil {
		return nil, fmt.Errorf("reading the API server's metrics: there is no %s", requestMetric)
	}
	found := requests{}
	for _, series := range family.Metric {
		labels := labelsOf(series)
		if labels["resource"] == "" || labels["subresource"] == "status" {
			continue
		}
		found[request{labels["verb"], labels["resource"]}] += int(series.GetCounter().GetValue())
	}
	return found, nil
}

func labelsOf(series *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, pair := range series.Label {
		labels[pair.GetName()] = pair.GetValue()
	}
	return labels
}

// since are those that were not there before.
func (r requests) since(before requests) requests {
	all := maps.Clone(r)
	for what, n := range before {
		if all[what] -= n; all[what] == 0 {
			delete(all, what)
		}
	}
	return all
}

// traffic is what a contender has asked of the API server, of one kind each.
type traffic struct {
	written                            [objects]int // writes of each object
	reads, otherWrites, leases, events int
}

// objectWrites are those of all objects.
func (t traffic) objectWrites() (sum int) {
	for _, n := range t.written {
		sum += n
	}
	return sum
}

// plus adds up.
func (t traffic) plus(other traffic) traffic {
	sum := traffic{
		reads:       t.reads + other.reads,
		otherWrites: t.otherWrites + other.otherWrites,
		leases:      t.leases + other.leases,
		events:      t.events + other.events,
	}
	for i := range sum.written {
		sum.written[i] = t.written[i] + other.written[i]
	}
	return sum
}

// own are requests that an API server makes of itself every ten seconds, to keep
// where it is reached; nobody else here reads one of these by name.
var own = map[request]bool{{"GET", "endpoints"}: true, {"GET", "endpointslices"}: true}

// traffic is what these were about, but for the Secret writes of the harness.
func (r requests) traffic(patchedSecrets int) (traffic, error) {
	var t traffic
	for what, n := range r {
		if what == (request{"PATCH", "secrets"}) {
			n -= patchedSecrets
		}
		switch {
		case n < 0:
			return t, fmt.Errorf("counting requests: %d fewer of %s %s than were sent", -n, what.verb, what.resource)
		case own[what], what.verb == "CONNECT":
		case what.resource == "leases":
			t.leases += n
		case what.resource == "events":
			t.events += n
		case what.verb == "GET", what.verb == "LIST", what.verb == "WATCH":
			t.reads += n
		case what.resource == objectResources[apiService].Resource:
			t.written[apiService] += n
		case what.resource == objectResources[webhookConfiguration].Resource:
			t.written[webhookConfiguration] += n
		default:
			t.otherWrites += n
		}
	}
	return t, nil
}
