package serving

import (
	"context"
	"io"
	"net"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// balancer stands for a Service: it hands each new connection to the next ready
// endpoint, in turn, and tries another one where nobody listens any more.
type balancer struct {
	listener net.Listener
	running  sync.WaitGroup

	mu          sync.Mutex
	endpoints   []string
	turn        int
	counts      map[string]int
	connections map[string]map[net.Conn]struct{}
}

func newBalancer() *balancer {
	GinkgoHelper()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	b := &balancer{listener: listener, counts: map[string]int{}, connections: map[string]map[net.Conn]struct{}{}}
	b.running.Go(b.accept)
	return b
}

func (b *balancer) address() string { return b.listener.Addr().String() }

func (b *balancer) accept() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return // closed
		}
		b.running.Go(func() { b.join(client) })
	}
}

func (b *balancer) join(client net.Conn) {
	endpoint, server := b.dial()
	if server == nil {
		_ = client.Close() // no endpoint: the caller sees that
		return
	}
	defer b.over(endpoint)
	b.track(endpoint, client, server)
	defer b.forget(endpoint, client, server)
	var copies sync.WaitGroup
	copies.Go(func() { pump(server, client) })
	copies.Go(func() { pump(client, server) })
	copies.Wait()
}

// pump copies until one side ends, and passes the end on.
func pump(to, from net.Conn) {
	_, _ = io.Copy(to, from) // an error is an end like any other here
	_ = to.Close()
}

func (b *balancer) dial() (string, net.Conn) {
	for tried := 0; ; tried++ {
		endpoint := b.next(tried)
		if endpoint == "" {
			return "", nil
		}
		if connection, err := net.Dial("tcp", endpoint); err == nil {
			return endpoint, connection
		}
		b.over(endpoint)
	}
}

// next counts a connection for the endpoint whose turn it is before it is made,
// so that whoever waits for the last one of an endpoint misses none.
func (b *balancer) next(tried int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if tried >= len(b.endpoints) {
		return ""
	}
	b.turn++
	endpoint := b.endpoints[b.turn%len(b.endpoints)]
	b.counts[endpoint]++
	return endpoint
}

func (b *balancer) over(endpoint string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[endpoint]--
}

// underWay is how many connections an endpoint has or is about to have.
func (b *balancer) underWay(endpoint string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts[endpoint]
}

func (b *balancer) track(endpoint string, connections ...net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.connections[endpoint] == nil {
		b.connections[endpoint] = map[net.Conn]struct{}{}
	}
	for _, connection := range connections {
		b.connections[endpoint][connection] = struct{}{}
	}
}

func (b *balancer) forget(endpoint string, connections ...net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, connection := range connections {
		_ = connection.Close() // closed already by pump, or by kill
		delete(b.connections[endpoint], connection)
	}
}

// set replaces the ready endpoints. Connections stay, as with a Service.
func (b *balancer) set(endpoints []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endpoints = endpoints
}

// reset ends every connection to endpoint as a kernel does whose process was
// killed: with a reset, and whatever was under way is lost.
func (b *balancer) reset(endpoint string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for connection := range b.connections[endpoint] {
		_ = connection.(*net.TCPConn).SetLinger(0) // it may be closed by now
		_ = connection.Close()
	}
}

func (b *balancer) stop() {
	GinkgoHelper()
	Expect(b.listener.Close()).To(Succeed())
	b.mu.Lock()
	for _, connections := range b.connections {
		for connection := range connections {
			_ = connection.Close()
		}
	}
	b.mu.Unlock()
	b.running.Wait()
}
