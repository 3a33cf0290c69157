package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Serve runs a registry that stands for all others: who asks it for
// ghcr.io/kedacore/keda asks for kedacore/keda. Blobs are kept below dir.
func Serve(ctx context.Context, address, dir string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("serving images: %w", err)
	}
	return serveOn(ctx, listener, dir)
}

func serveOn(ctx context.Context, listener net.Listener, dir string) error {
	server := &http.Server{
		Handler: registry.New(
			registry.WithBlobHandler(registry.NewDiskBlobHandler(dir)),
			registry.Logger(log.New(io.Discard, "", 0)),
		),
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving images at %s: %w", listener.Addr(), err)
	}
	return nil
}

// Push makes the image and leaves it in the registry at address.
func (s Spec) Push(ctx context.Context, address string) error {
	tag, err := s.Reference()
	if err != nil {
		return err
	}
	image, err := s.Build()
	if err != nil {
		return err
	}
	host, err := name.NewRegistry(address, name.Insecure)
	if err != nil {
		return fmt.Errorf("naming the registry: %w", err)
	}
	target := host.Repo(tag.RepositoryStr()).Tag(tag.TagStr())
	// The registry is on this machine: a proxy of the environment is not for it.
	direct := &http.Transport{}
	defer direct.CloseIdleConnections()
	if err := remote.Write(target, image, remote.WithContext(ctx), remote.WithTransport(direct)); err != nil {
		return fmt.Errorf("pushing %s: %w", s.Name, err)
	}
	return nil
}
