package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"gomodules.xyz/jsonpatch/v2"

	"github.com/keda-trust/keda-trust/e2e/figures"
	"github.com/keda-trust/keda-trust/injector"
)

const seamRuns = 2000

// patchOf is what keda-trust answers for an object.
func patchOf(object []byte, state *injector.State) ([]jsonpatch.Operation, error) {
	result := injector.Inject(request(object, state))
	if len(result.Patch) == 0 {
		return nil, fmt.Errorf("asking for the patch: nothing is injected: %s", result.Report.Message)
	}
	return result.Patch, nil
}

func request(object []byte, state *injector.State) injector.Request {
	return injector.Request{Object: object, Mode: injector.ModeEnabled, State: state}
}

// measureSeam is the median of the pure part: an object that is injected as it
// came in, to the patch.
func measureSeam(object []byte, state *injector.State) time.Duration {
	request := request(object, state)
	var samples []time.Duration
	for range seamRuns {
		start := time.Now()
		injector.Inject(request)
		samples = append(samples, time.Since(start))
	}
	return figures.Median(samples)
}

// measureHandler runs the handler's own benchmark, which knows its inside.
func measureHandler(ctx context.Context, root string) (time.Duration, error) {
	out, err := exec.CommandContext(ctx, "go", "test", "-C", root, "-run", "^$", "-bench", "^BenchmarkHandler$", "./webhook").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("running BenchmarkHandler: %w\n%s", err, out)
	}
	return parseMedian(out)
}

var medianMetric = regexp.MustCompile(`([0-9.]+) p50-µs`)

func parseMedian(out []byte) (time.Duration, error) {
	found := medianMetric.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("running BenchmarkHandler: it printed no p50-µs:\n%s", out)
	}
	micros, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		return 0, fmt.Errorf("running BenchmarkHandler: %w", err)
	}
	return time.Duration(micros * float64(time.Microsecond)), nil
}
