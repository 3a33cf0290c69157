package gobuild

import (
	"fmt"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// derive turns the go.mod of a module into one for a module that builds a
// program of it. The original may only work inside a checkout, where it replaces
// modules by directories. All other lines, exclude and godebug among them, stay:
// they are what the project has tested.
func derive(gomod []byte, p Program) ([]byte, error) {
	if p.Module == "" {
		return fmt.Appendf(nil, "module assets.invalid/%s\n\ngo 1.26.0\n", p.Name), nil
	}
	file, err := modfile.Parse("go.mod", gomod, nil)
	if err != nil {
		return nil, fmt.Errorf("reading go.mod of %s: %w", p.Module, err)
	}
	if file.Module == nil || file.Module.Mod.Path != p.Module {
		return nil, fmt.Errorf("reading go.mod of %s: it names another module", p.Module)
	}
	if err := replaceDirectories(file, p.Staging); err != nil {
		return nil, err
	}
	if err := file.AddModuleStmt("assets.invalid/" + p.Name); err != nil {
		return nil, fmt.Errorf("renaming the module: %w", err)
	}
	if err := file.AddRequire(p.Module, p.Version); err != nil {
		return nil, fmt.Errorf("requiring %s %s: %w", p.Module, p.Version, err)
	}
	return file.Format()
}

// replaceDirectories points every replacement by a directory at the published
// module of version staging, or drops it where there is none.
func replaceDirectories(file *modfile.File, staging string) error {
	var replaced []module.Version
	for _, line := range file.Replace {
		if !modfile.IsDirectoryPath(line.New.Path) {
			continue
		}
		if staging != "" && !strings.HasPrefix(line.New.Path, "./staging/") {
			return fmt.Errorf("replacing %s: %q is not below ./staging", line.Old.Path, line.New.Path)
		}
		replaced = append(replaced, line.Old)
	}
	for _, old := range replaced {
		if err := file.DropReplace(old.Path, old.Version); err != nil {
			return fmt.Errorf("replacing %s: %w", old.Path, err)
		}
		if staging == "" {
			continue
		}
		if err := file.AddReplace(old.Path, old.Version, old.Path, staging); err != nil {
			return fmt.Errorf("replacing %s by %s: %w", old.Path, staging, err)
		}
	}
	file.Cleanup()
	return nil
}
