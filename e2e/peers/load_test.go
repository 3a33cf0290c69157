package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsComeAtTheirRateThoughNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, most atomic.Int32
		load := startLoad(t.Context(), func(context.Context) error {
			most.Store(max(most.Load(), open.Add(1)))
			time.Sleep(time.Second)
			open.Add(-1)
			return nil
		})
		time.Sleep(4*time.Second + time.Millisecond)
		c := load.end(time.Now())
		if c.made != 4*callsPerSecond || c.failed != 0 {
			t.Errorf("%+v, want %d calls and none failed", c, 4*callsPerSecond)
		}
		if most.Load() < callsPerSecond-1 {
			t.Errorf("%d calls at once: they wait for each other", most.Load())
		}
	})
}

func TestACallThatFailsIsCountedFromTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		load := startLoad(t.Context(), func(context.Context) error {
			if after := time.Since(start); after > 2*time.Second && after <= 5*time.Second {
				return errors.New("x509: certificate signed by unknown authority")
			}
			return nil
		})
		time.Sleep(8 * time.Second)
		c := load.end(start.Add(2 * time.Second))
		if c.failed != 3*callsPerSecond || c.from != 20*time.Millisecond || c.to != 3*time.Second || c.first == "" {
			t.Errorf("%+v, want %d failed, from 20ms to 3s", c, 3*callsPerSecond)
		}
	})
}

func TestCallsAddUp(t *testing.T) {
	good := calls{made: 10}
	bad := calls{made: 10, failed: 2, first: "early", from: -time.Second, to: time.Second}
	worse := calls{made: 10, failed: 3, first: "late", from: time.Second, to: 2 * time.Second}
	if got, want := good.plus(bad), (calls{20, 2, "early", -time.Second, time.Second}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := worse.plus(bad), (calls{20, 5, "early", -time.Second, 2 * time.Second}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := bad.plus(good), (calls{20, 2, "early", -time.Second, time.Second}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
