package main

import (
	"maps"
	"testing"
)

const requestsBefore = `# HELP apiserver_request_total Counter of apiserver requests
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="secrets",scope="resource",subresource="",verb="PATCH",version="v1"} 7
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="secrets",scope="resource",subresource="",verb="GET",version="v1"} 12
# TYPE apiserver_current_inflight_requests gauge
apiserver_current_inflight_requests{request_kind="mutating"} 3
`

const requestsAfter = `# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",group="",resource="secrets",subresource="",verb="PATCH",version="v1"} 9
apiserver_request_total{code="200",component="apiserver",group="",resource="secrets",subresource="",verb="GET",version="v1"} 12
apiserver_request_total{code="200",component="apiserver",group="",resource="secrets",subresource="",verb="PUT",version="v1"} 2
apiserver_request_total{code="200",component="apiserver",group="apiregistration.k8s.io",resource="apiservices",subresource="",verb="PATCH",version="v1"} 3
apiserver_request_total{code="409",component="apiserver",group="apiregistration.k8s.io",resource="apiservices",subresource="",verb="PATCH",version="v1"} 1
apiserver_request_total{code="200",component="apiserver",group="apiregistration.k8s.io",resource="apiservices",subresource="status",verb="PUT",version="v1"} 50
apiserver_request_total{code="200",component="apiserver",group="admissionregistration.k8s.io",resource="validatingwebhookconfigurations",subresource="",verb="APPLY",version="v1"} 4
apiserver_request_total{code="200",component="apiserver",group="apps",resource="deployments",subresource="",verb="LIST",version="v1"} 1
apiserver_request_total{code="200",component="apiserver",group="coordination.k8s.io",resource="leases",subresource="",verb="GET",version="v1"} 5
apiserver_request_total{code="201",component="apiserver",group="events.k8s.io",resource="events",subresource="",verb="POST",version="v1"} 6
apiserver_request_total{code="200",component="apiserver",group="",resource="endpoints",subresource="",verb="GET",version="v1"} 60
apiserver_request_total{code="200",component="apiserver",group="discovery.k8s.io",resource="endpointslices",subresource="",verb="LIST",version="v1"} 8
apiserver_request_total{code="200",component="apiserver",group="",resource="",subresource="/metrics",verb="GET",version=""} 70
`

func parsed(t *testing.T, text string) requests {
	t.Helper()
	found, err := parseRequests([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRequestsAreReadFromMetrics(t *testing.T) {
	got := parsed(t, requestsBefore)
	if want := (requests{{"PATCH", "secrets"}: 7, {"GET", "secrets"}: 12}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := parsed(t, requestsAfter)[request{"PATCH", "apiservices"}]; got != 4 {
		t.Errorf("%d writes of APIServices, want 4: also what was refused is asked, and what was about a status is not", got)
	}
	for _, text := range []string{"", "# TYPE other counter\nother 1\n", "apiserver_request_total{"} {
		if _, err := parseRequests([]byte(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestTrafficIsWhatAContenderAsked(t *testing.T) {
	difference := parsed(t, requestsAfter).since(parsed(t, requestsBefore))
	if _, there := difference[request{"GET", "secrets"}]; there {
		t.Error("what was there before is in the difference")
	}
	got, err := difference.traffic(2)
	want := traffic{reads: 1 + 8, written: [objects]int{4, 4}, otherWrites: 2, leases: 5, events: 6}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got, err := difference.traffic(1); err != nil || got.otherWrites != 3 {
		t.Errorf("a PATCH of a Secret that was not ours is left out: %+v, %v", got, err)
	}
	if _, err := difference.traffic(3); err == nil {
		t.Error("fewer requests than were sent are no error")
	}
}

func TestTrafficAddsUp(t *testing.T) {
	a := traffic{reads: 1, written: [objects]int{2, 3}, otherWrites: 4, leases: 5, events: 6}
	got := a.plus(a)
	if want := (traffic{reads: 2, written: [objects]int{4, 6}, otherWrites: 8, leases: 10, events: 12}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.objectWrites() != 10 {
		t.Errorf("%d writes of objects, want 10", got.objectWrites())
	}
}
