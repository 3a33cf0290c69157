package main

import (
	"testing"
	"time"
)

func TestMedianOfABenchmarkIsFound(t *testing.T) {
	out := "BenchmarkHandler-2   \t    7134\t    165208 ns/op\t       151.5 p50-µs\t   98765 B/op\n"
	got, err := parseMedian([]byte(out))
	if want := 151500 * time.Nanosecond; err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if _, err := parseMedian([]byte("no test files")); err == nil {
		t.Error("output without the metric is no error")
	}
}

func TestPolicyIsFilledIn(t *testing.T) {
	objects, err := policyObjects("v1beta1", "bench-policy", "keda-trust-ca-0123")
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 2 {
		t.Fatalf("there are %d objects, want a policy and its binding", len(objects))
	}
	for _, object := range objects {
		if got := object.GetAPIVersion(); got != "admissionregistration.k8s.io/v1beta1" {
			t.Errorf("%s has apiVersion %s", object.GetKind(), got)
		}
	}
}
