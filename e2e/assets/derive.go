package main

import (
	"fmt"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

const kubernetesModule = "k8s.io/kubernetes"

// deriveKubernetes turns the go.mod of k8s.io/kubernetes into one for a module
// that builds its commands. The original only works inside a checkout, as it
// replaces Kubernetes's own libraries by ./staging; the same libraries are
// published under r.staging(). Its godebug and all other lines stay.
func deriveKubernetes(gomod []byte, r release) ([]byte, error) {
	file, err := modfile.Parse("go.mod", gomod, nil)
	if err != nil {
		return nil, fmt.Errorf("reading go.mod of %s: %w", kubernetesModule, err)
	}
	if file.Module == nil || file.Module.Mod.Path != kubernetesModule {
		return nil, fmt.Errorf("reading go.mod of %s: it names another module", kubernetesModule)
	}
	if err := replaceStaging(file, r.staging()); err != nil {
		return nil, err
	}
	if err := file.AddModuleStmt("assets.invalid/kubernetes"); err != nil {
		return nil, fmt.Errorf("renaming the module: %w", err)
	}
	if err := file.AddRequire(kubernetesModule, r.patch); err != nil {
		return nil, fmt.Errorf("requiring %s %s: %w", kubernetesModule, r.patch, err)
	}
	return file.Format()
}

// replaceStaging points every replacement by a directory at the published
// module of that version.
func replaceStaging(file *modfile.File, version string) error {
	var staged []module.Version
	for _, replaced := range file.Replace {
		if !modfile.IsDirectoryPath(replaced.New.Path) {
			continue
		}
		if !strings.HasPrefix(replaced.New.Path, "./staging/") {
			return fmt.Errorf("replacing %s: %q is not below ./staging", replaced.Old.Path, replaced.New.Path)
		}
		staged = append(staged, replaced.Old)
	}
	for _, old := range staged {
		if err := file.AddReplace(old.Path, old.Version, old.Path, version); err != nil {
			return fmt.Errorf("replacing %s by %s: %w", old.Path, version, err)
		}
	}
	return nil
}

// deriveEtcd is the go.mod of a module that only runs etcd's server.
func deriveEtcd() []byte {
	return fmt.Appendf(nil, "module assets.invalid/etcd\n\ngo 1.26.0\n\nrequire %s %s\n", etcdModule, etcdVersion)
}

const etcdModule = "go.etcd.io/etcd/server/v3"

// etcdMain is the program that the module of deriveEtcd consists of; etcd's own
// main package is in a module that is not meant to be imported.
const etcdMain = `package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
`
