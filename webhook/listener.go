package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
)

const (
	// readTimeout bounds a caller who sends slowly, as no API server does.
	readTimeout  = 5 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 90 * time.Second // as long as http.DefaultTransport keeps a connection
	// finishTimeout is for requests that are being answered at the end.
	finishTimeout = 10 * time.Second

	maxHeaderBytes = 64 << 10

	aliveTimeout = 900 * time.Millisecond // short of a probe's default second
)

// listener serves admission in every process, until its context ends.
type listener struct {
	port      int
	tls       func(*tls.Config)
	handler   http.Handler
	log       logr.Logger
	listening atomic.Bool
}

// Start listens on all addresses and serves until ctx is done and what was
// asked before has been answered.
func (l *listener) Start(ctx context.Context) error {
	config := &tls.Config{MinVersion: tls.VersionTLS13}
	l.tls(config)
	server := &http.Server{
		Handler:           l.handler,
		TLSConfig:         config,
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(lineLog{l.log}, "", 0),
	}
	var socketConfig net.ListenConfig
	socket, err := socketConfig.Listen(ctx, "tcp", fmt.Sprintf(":%d", l.port))
	if err != nil {
		return fmt.Errorf("listening for admission: %w", err)
	}
	l.listening.Store(true)
	l.log.Info("Listening for admission", "port", l.port)
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(socket, "", "") }()
	select {
	case err := <-served:
		return fmt.Errorf("serving admission: %w", err)
	case <-ctx.Done():
	}
	return l.finish(ctx, server)
}

func (l *listener) finish(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("finishing the last admissions: %w", err)
	}
	return nil
}

// alive is a healthz.Checker: whatever the listener answers to a handshake, it
// answers. Trusting nobody, our end refuses the certificate, and that is enough.
func (l *listener) alive(request *http.Request) error {
	if !l.listening.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(request.Context(), aliveTimeout)
	defer cancel()
	address := fmt.Sprintf("127.0.0.1:%d", l.port)
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("dialing our own listener: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: x509.NewCertPool(), ServerName: "alive"}
	err = tls.Client(connection, config).HandshakeContext(ctx)
	closed := connection.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("waiting for an answer of our own listener %s: %w", address, err)
	}
	return closed
}

// lineLog takes what net/http has to say about connections, which any scanner
// can bring about, as detail.
type lineLog struct{ logr.Logger }

func (l lineLog) Write(line []byte) (int, error) {
	l.V(1).Info("Connection failed", "error", string(line))
	return len(line), nil
}
