package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestALayerHoldsTheBinaryAndWhatDistrolessHas(t *testing.T) {
	image := mustBuild(t, testSpec(t))
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[header.Name] = fmt.Sprintf("%o %d:%d %d", header.Mode, header.Uid, header.Gid, header.ModTime.Unix())
	}
	want := map[string]string{
		"etc/": "755 0:0 0", "etc/group": "644 0:0 0", "etc/passwd": "644 0:0 0", "tmp/": "1777 0:0 0", "keda": "755 0:0 0",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheConfigurationIsWhatTheKubeletLooksAt(t *testing.T) {
	image := mustBuild(t, testSpec(t))
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(file.RootFS.DiffIDs) != 1 || file.RootFS.DiffIDs[0] != manifest.Layers[0].Digest {
		t.Errorf("layers %v, of which the configuration knows %v", manifest.Layers, file.RootFS.DiffIDs)
	}
	if want := []string{"/keda", "--zap-log-level=info"}; !slices.Equal(file.Config.Entrypoint, want) {
		t.Errorf("entrypoint %q, want %q", file.Config.Entrypoint, want)
	}
	if file.Config.User != "65532:65532" || file.OS != "linux" || file.Architecture == "" {
		t.Errorf("user %q, platform %s/%s", file.Config.User, file.OS, file.Architecture)
	}
}

func TestTheSameBinaryGivesTheSameDigest(t *testing.T) {
	first, second := testSpec(t), testSpec(t)
	if err := os.Chtimes(second.Binary, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if mustDigest(t, mustBuild(t, first)) != mustDigest(t, mustBuild(t, second)) {
		t.Error("the digest follows from where or when the binary was written")
	}
	if err := os.WriteFile(second.Binary, []byte("another"), 0o755); err != nil {
		t.Fatal(err)
	}
	if mustDigest(t, mustBuild(t, first)) == mustDigest(t, mustBuild(t, second)) {
		t.Error("another binary has the same digest")
	}
}

func TestAnArchiveNamesTheImageAsDockerDoes(t *testing.T) {
	spec := testSpec(t)
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := spec.WriteArchive(path); err != nil {
		t.Fatal(err)
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(path) })
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest) != 1 || !slices.Equal(manifest[0].RepoTags, []string{spec.Name}) {
		t.Errorf("got %+v", manifest)
	}
}

func TestAnImageIsPulledUnderTheNameOfAnotherRegistry(t *testing.T) {
	address := serve(t)
	spec := testSpec(t)
	for range 2 { // a second push is no error
		if err := spec.Push(t.Context(), address); err != nil {
			t.Fatal(err)
		}
	}
	tag, err := name.NewTag(address+"/kedacore/keda:2.21.0", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := mustDigest(t, pulled), mustDigest(t, mustBuild(t, spec)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAFaultyNameIsTold(t *testing.T) {
	spec := testSpec(t)
	spec.Name = "Keda Trust:dev"
	if err := spec.Push(t.Context(), "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "Keda Trust") {
		t.Errorf("got %v", err)
	}
}

func serve(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serveOn(ctx, listener, t.TempDir()) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return address
}

func testSpec(t *testing.T) Spec {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "keda")
	if err := os.WriteFile(binary, []byte("a static binary"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Spec{Name: "ghcr.io/kedacore/keda:2.21.0", Binary: binary, Args: []string{"--zap-log-level=info"}, User: NonRoot}
}

func mustBuild(t *testing.T, spec Spec) v1.Image {
	t.Helper()
	image, err := spec.Build()
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func mustDigest(t *testing.T, image v1.Image) v1.Hash {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest
}
