package main

import (
	"context"
	"time"

	"github.com/keda-trust/keda-trust/e2e/figures"
)

// idleMemory is that of keda-trust after it had nothing to do for a while.
func (b *bench) idleMemory(ctx context.Context) (int64, error) {
	select {
	case <-time.After(idle):
		return b.memory()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// memory is what of keda-trust is resident.
func (b *bench) memory() (int64, error) {
	memory, err := figures.MemoryOf(b.server.PID())
	return memory.Resident, err
}
