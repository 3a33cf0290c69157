package serving

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/cert-manager/cert-manager/pkg/server/tls"
	"k8s.io/utils/clock"
)

// Authority signs the leaves of one replica. It is the other half of
// cert-manager's DynamicSource: which CA it signs with is told by Use, and the
// source mints a new leaf each time that changes.
type Authority struct {
	clock     clock.PassiveClock
	lifetime  time.Duration
	addresses []net.IP

	mu       sync.Mutex
	ca       *CA
	watchers map[chan<- struct{}]struct{}

	usable  chan struct{}
	stopped chan struct{}
	stop    sync.Once
}

var _ tls.Authority = &Authority{}

var errStopped = errors.New("signing a serving leaf: the authority has stopped")

// NewAuthority returns an Authority without a CA, for leaves of the given
// lifetime with the given IP addresses beside the DNS names of the template.
func NewAuthority(clk clock.PassiveClock, lifetime time.Duration, addresses []net.IP) *Authority {
	return &Authority{
		clock:     clk,
		lifetime:  lifetime,
		addresses: addresses,
		watchers:  map[chan<- struct{}]struct{}{},
		usable:    make(chan struct{}),
		stopped:   make(chan struct{}),
	}
}

// Run blocks until ctx is done, and with it ends a Sign that waits.
func (a *Authority) Run(ctx context.Context) error {
	<-ctx.Done()
	a.stop.Do(func() { close(a.stopped) })
	return nil
}

// Use makes ca the one that signs from now on. Only a CA that every stored
// caBundle holds may be given.
func (a *Authority) Use(ca *CA) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ca != nil && a.ca.Certificate.Equal(ca.Certificate) {
		return
	}
	if a.ca == nil {
		close(a.usable)
	}
	a.ca = ca
	for watcher := range a.watchers {
		select {
		case watcher <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
}

// Serving returns the CA in use, nil before the first Use.
func (a *Authority) Serving() *CA {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ca
}

// WatchRotation tells ch whenever the CA in use changes.
func (a *Authority) WatchRotation(ch chan<- struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watchers[ch] = struct{}{}
}

// StopWatchingRotation undoes WatchRotation.
func (a *Authority) StopWatchingRotation(ch chan<- struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.watchers, ch)
}

// Sign signs a leaf. It waits for the first CA instead of failing, so that the
// first leaf is there at once and not at DynamicSource's next retry.
func (a *Authority) Sign(template *x509.Certificate) (*x509.Certificate, error) {
	select {
	case <-a.usable:
	case <-a.stopped:
		return nil, errStopped
	}
	template.IPAddresses = a.addresses
	return a.Serving().sign(template, a.clock.Now(), a.lifetime)
}
