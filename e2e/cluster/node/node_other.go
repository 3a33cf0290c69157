//go:build !linux

package node

import (
	"context"
	"errors"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/cluster/image"
)

var errNotLinux = errors.New("starting a node: that needs Linux; start docker or podman instead")

// Possible says that it is not.
func (Node) Possible() error { return errNotLinux }

// Up cannot do it here.
func (Node) Up(context.Context, gobuild.Cache) error { return errNotLinux }

// Down has nothing to do here.
func (Node) Down(context.Context) error { return nil }

// Exists says that there is none.
func (Node) Exists() (bool, error) { return false, nil }

// Load cannot do it here.
func (Node) Load(context.Context, gobuild.Cache, image.Spec) error { return errNotLinux }

// Init cannot do it here.
func Init(context.Context, string) error { return errNotLinux }
