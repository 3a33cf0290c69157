package main

import (
	"context"
	"net/http"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

// TestLeaderIsFollowed measures, with two real processes, how long after the end
// of the one that leads a change that is made then is published.
func TestLeaderIsFollowed(t *testing.T) {
	environment := clustertest.Start(t)
	admin, err := client.New(environment.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]func(*testing.T, installed){
		"after a SIGTERM at once, while it serves on":              toldLeaderIsFollowed,
		"once its lease has run out where it was killed (kill -9)": killedLeaderIsFollowed,
	} {
		t.Run(name, func(t *testing.T) { test(t, newInstallation(t, admin, environment.KubeConfig)) })
	}
}

// toldLeaderIsFollowed asks for half of the time that the leader serves on: a
// machine that compiles meanwhile can take longer than the two seconds that the
// tests of package webhook hold a series of hand-overs to.
func toldLeaderIsFollowed(t *testing.T, i installed) {
	leader, _ := i.startTwo(t, "--shutdown-delay=6s")
	if took := i.untilFollowed(t, leader, syscall.SIGTERM); took > 3*time.Second {
		t.Errorf("the change was published %s after the signal, want that nothing waits for the shutdown delay of 6s", took)
	}
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusInternalServerError} {
		if status, body := get(t.Context(), leader.health, path); status != want {
			t.Errorf("%s of the one that was told to stop: %d %s, want %d", path, status, body, want)
		}
	}
	if status, _ := get(t.Context(), leader.metrics, "/metrics"); status != http.StatusOK {
		t.Errorf("/metrics of the one that was told to stop: %d, want 200", status)
	}
	if err := i.handshake(t, leader, injector.ServiceName); err != nil {
		t.Errorf("a handshake with the one that was told to stop: %v", err)
	}
}

// killedLeaderIsFollowed reckons with what client-go promises. The other one
// counts the lease from when it saw the last renewal, and looks again when it is
// over: each may be 2.2 retry periods, of half a second, late.
func killedLeaderIsFollowed(t *testing.T, i installed) {
	leader, _ := i.startTwo(t)
	seconds := i.lease(t.Context()).LeaseDurationSeconds
	if seconds == nil {
		t.Fatal("the Lease has no duration")
	}
	lease := time.Duration(*seconds) * time.Second
	took := i.untilFollowed(t, leader, syscall.SIGKILL)
	if most := lease + 2*1100*time.Millisecond + 2*time.Second; took > most {
		t.Errorf("the change was published %s after the kill, want at most %s: a lease of %s, two looks, and two seconds for the work", took, most, lease)
	}
}

// untilFollowed ends the leader by the signal, changes a source, and says how long
// after the signal that was published.
func (i installed) untilFollowed(t *testing.T, leader *process, signal syscall.Signal) time.Duration {
	t.Helper()
	before, next := i.state(t.Context()), i.roots("corp", certtest.NewCA(t, "Next"))
	signalled := time.Now()
	if err := leader.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := i.client.Update(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change being published", func(ctx context.Context) bool { return i.state(ctx) != before })
	took := time.Since(signalled).Round(time.Millisecond)
	t.Logf("after the leader was %s: the Lease taken after %s, the change published after %s",
		signal, i.lease(t.Context()).AcquireTime.Sub(signalled).Round(time.Millisecond), took)
	return took
}
