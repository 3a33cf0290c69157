package certmanager

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
)

const (
	// Namespace is where cert-manager runs.
	Namespace = "cert-manager"

	module = "github.com/cert-manager/cert-manager"
)

// Its programs, packages of this module.
const (
	Controllers = "./certmanager/controllers"
	CAInjector  = "./peers/cainjector"
)

// Deployments are where they run, in Namespace.
var Deployments = []string{"cert-manager", "cert-manager-cainjector"}

//go:embed install.yaml
var install string

// Definitions are its CustomResourceDefinitions, from its module.
func Definitions(ctx context.Context) ([]*unstructured.Unstructured, error) {
	directory, err := local.ModuleDir(ctx, module)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(directory, "deploy", "crds", "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("looking for cert-manager's CustomResourceDefinitions: %w", err)
	}
	if len(files) == 0 {
		return nil, errors.New("looking for cert-manager's CustomResourceDefinitions: none in " + directory)
	}
	var all []*unstructured.Unstructured
	for _, file := range files {
		objects, err := local.ReadManifest(file)
		if err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
	return all, nil
}

// Installation runs both programs, whose images have these names.
func Installation(controllers, cainjector string) ([]*unstructured.Unstructured, error) {
	named := strings.NewReplacer("image: controllers\n", "image: "+controllers+"\n", "image: cainjector\n", "image: "+cainjector+"\n").Replace(install)
	return local.DecodeManifest(strings.NewReader(named))
}
