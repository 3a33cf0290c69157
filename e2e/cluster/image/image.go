package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// NonRoot is whom distroless images, KEDA's among them, run as.
const NonRoot = "65532:65532"

// Spec is a static binary and how a container runs it.
type Spec struct {
	Name   string   // what manifests call it, "ghcr.io/kedacore/keda:2.21.0"
	Binary string   // path on this machine; at the top in the image
	Args   []string // of the entrypoint, which is the binary
	User   string   // UID:GID
}

// Reference is the name in full. A name without a registry is one of Docker
// Hub, as it is for the kubelet.
func (s Spec) Reference() (name.Tag, error) {
	tag, err := name.NewTag(s.Name)
	if err != nil {
		return name.Tag{}, fmt.Errorf("naming an image: %w", err)
	}
	return tag, nil
}

// Build makes the image.
func (s Spec) Build() (v1.Image, error) {
	var layer bytes.Buffer
	if err := s.writeLayer(&layer); err != nil {
		return nil, fmt.Errorf("packing %s: %w", s.Name, err)
	}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{
		OS:           "linux",
		Architecture: runtime.GOARCH,
		Config: v1.Config{
			Entrypoint: append([]string{s.entrypoint()}, s.Args...),
			Env:        []string{"PATH=/"},
			User:       s.User,
			WorkingDir: "/",
		},
		RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, fmt.Errorf("configuring %s: %w", s.Name, err)
	}
	image, err = mutate.AppendLayers(image, static.NewLayer(layer.Bytes(), types.OCIUncompressedLayer))
	if err != nil {
		return nil, fmt.Errorf("adding the layer of %s: %w", s.Name, err)
	}
	return image, nil
}

// WriteArchive writes what `docker save` would.
func (s Spec) WriteArchive(path string) error {
	tag, err := s.Reference()
	if err != nil {
		return err
	}
	image, err := s.Build()
	if err != nil {
		return err
	}
	if err := tarball.WriteToFile(path, tag, image); err != nil {
		return fmt.Errorf("writing %s to %s: %w", s.Name, path, err)
	}
	return nil
}

func (s Spec) entrypoint() string { return path.Join("/", filepath.Base(s.Binary)) }

// writeLayer writes nothing that differs between two calls, such as a time.
func (s Spec) writeLayer(to io.Writer) error {
	binary, err := os.Open(s.Binary)
	if err != nil {
		return err
	}
	defer binary.Close()
	info, err := binary.Stat()
	if err != nil {
		return err
	}
	const passwd = "root:x:0:0:root:/:/\nnonroot:x:65532:65532:nonroot:/:/\n"
	const group = "root:x:0:\nnonroot:x:65532:\n"
	archive := tar.NewWriter(to)
	for _, entry := range []struct {
		header  tar.Header
		content io.Reader
	}{
		{tar.Header{Typeflag: tar.TypeDir, Name: "etc/", Mode: 0o755}, nil},
		{tar.Header{Name: "etc/group", Mode: 0o644, Size: int64(len(group))}, bytes.NewBufferString(group)},
		{tar.Header{Name: "etc/passwd", Mode: 0o644, Size: int64(len(passwd))}, bytes.NewBufferString(passwd)},
		{tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil},
		{tar.Header{Name: s.entrypoint()[1:], Mode: 0o755, Size: info.Size()}, binary},
	} {
		entry.header.Format = tar.FormatUSTAR
		if err := archive.WriteHeader(&entry.header); err != nil {
			return err
		}
		if entry.content == nil {
			continue
		}
		if _, err := io.Copy(archive, entry.content); err != nil {
			return err
		}
	}
	return archive.Close()
}
