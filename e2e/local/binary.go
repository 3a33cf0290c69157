package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Build makes a program as keda-trust's image has it, static and stripped, so
// that the memory of two of them can be compared. The package is one of the
// module in the directory.
func Build(ctx context.Context, module, program, output string) error {
	command := exec.CommandContext(ctx, "go", "build", "-C", module, "-trimpath", "-ldflags=-s -w", "-o", output, program)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", program, err, out)
	}
	return nil
}
