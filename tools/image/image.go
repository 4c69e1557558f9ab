package main

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// refName is the annotation by which tools find an image in a layout.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md
const refName = "org.opencontainers.image.ref.name"

// sbomType is the media type of a list of what is in an image.
const sbomType types.MediaType = "application/vnd.cyclonedx+json"

// spec is what an image is made of.
type spec struct {
	// Binaries are the programs by platform, for example "linux/amd64".
	Binaries map[string]string
	// Config is the file with the default configuration.
	Config string
	// PackageLock is the file that names the npm packages of the web UI, or empty.
	PackageLock string
	// Version, Revision and Source go into labels; Revision and Source may be empty.
	Version, Revision, Source string
	// Created is when the image says it was made.
	Created time.Time
}

// part is the image for one platform, with the list of what is in it.
type part struct {
	platform v1.Platform
	image    v1.Image
	sbom     v1.Image
}

// write makes the layout in dir, and replaces what is there.
func (s *spec) write(dir string) (*summary, error) {
	parts, err := s.parts()
	if err != nil {
		return nil, err
	}
	var index v1.ImageIndex = empty.Index
	for _, p := range parts {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: p.image, Descriptor: v1.Descriptor{Platform: &p.platform}})
	}
	index = mutate.IndexMediaType(index, types.OCIImageIndex)
	index = mutate.Annotations(index, s.labels()).(v1.ImageIndex)

	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("cannot replace the layout: %w", err)
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return nil, fmt.Errorf("cannot write the layout: %w", err)
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{refName: s.Version})); err != nil {
		return nil, fmt.Errorf("cannot write the layout: %w", err)
	}
	for _, p := range parts {
		if err := path.AppendImage(p.sbom); err != nil {
			return nil, fmt.Errorf("cannot write the layout: %w", err)
		}
	}
	return summarise(index, parts)
}

// parts makes the images, in the order of their platforms' names.
func (s *spec) parts() ([]part, error) {
	base, err := layer(func(w io.Writer) error { return baseFiles(w, s.Config) })
	if err != nil {
		return nil, err
	}
	var parts []part
	for _, name := range slices.Sorted(maps.Keys(s.Binaries)) {
		binary := s.Binaries[name]
		platform, err := v1.ParsePlatform(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read platform %q: %w", name, err)
		}
		if err := checkStatic(binary, *platform); err != nil {
			return nil, err
		}
		program, err := layer(func(w io.Writer) error { return binaryFile(w, binary) })
		if err != nil {
			return nil, err
		}
		image, err := s.image(*platform, base, program)
		if err != nil {
			return nil, err
		}
		bom, err := s.sbom(image, binary)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{platform: *platform, image: image, sbom: bom})
	}
	return parts, nil
}

// layer compresses what files writes. It is done once, in memory: the size and the digests are asked for more often.
func layer(files func(io.Writer) error) (v1.Layer, error) {
	var archive bytes.Buffer
	if err := files(&archive); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil }
	l, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching, tarball.WithCompressionLevel(gzip.DefaultCompression))
	if err != nil {
		return nil, fmt.Errorf("cannot make a layer: %w", err)
	}
	return l, nil
}

// image puts the layers together, with what a container engine is to know.
func (s *spec) image(platform v1.Platform, layers ...v1.Layer) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	histories := []string{"files around the binary", "binary"}
	for i, l := range layers {
		var err error
		image, err = mutate.Append(image, mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: s.Created}, CreatedBy: "make image", Comment: histories[i]}})
		if err != nil {
			return nil, fmt.Errorf("cannot make the image: %w", err)
		}
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("cannot make the image: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Variant = platform.OS, platform.Architecture, platform.Variant
	file.Created = v1.Time{Time: s.Created}
	file.Config = v1.Config{
		User:         fmt.Sprintf("%d:%d", userID, userID),
		Env:          []string{"PATH=/bin", "ALLOY_DEPLOY_MODE=docker"},
		Entrypoint:   []string{"/" + binaryPath},
		Cmd:          []string{"run", "/" + configPath, "--storage.path=/" + dataPath},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "12345/tcp": {}},
		Volumes:      map[string]struct{}{"/" + dataPath: {}},
		WorkingDir:   "/",
		Labels:       s.labels(),
	}
	image, err = mutate.ConfigFile(image, file)
	if err != nil {
		return nil, fmt.Errorf("cannot make the image: %w", err)
	}
	return mutate.Annotations(image, s.labels()).(v1.Image), nil
}

// labels are those of the OCI, as labels of the images and as annotations.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md
func (s *spec) labels() map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":       "alloy-eks",
		"org.opencontainers.image.description": "Grafana Alloy for logs of Amazon EKS: Firehose deliveries become Loki entries with the time of the log line",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.created":     s.Created.Format(time.RFC3339),
		"org.opencontainers.image.version":     s.Version,
		"org.opencontainers.image.revision":    s.Revision,
		"org.opencontainers.image.source":      s.Source,
	}
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	return labels
}

// sbom is the list of what is in an image, as an artifact that refers to it.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
func (s *spec) sbom(image v1.Image, binary string) (v1.Image, error) {
	content, err := s.materials(binary)
	if err != nil {
		return nil, err
	}
	subject, err := partial.Descriptor(image)
	if err != nil {
		return nil, fmt.Errorf("cannot refer to the image: %w", err)
	}
	artifact := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), sbomType)
	artifact, err = mutate.AppendLayers(artifact, static.NewLayer(content, sbomType))
	if err != nil {
		return nil, fmt.Errorf("cannot make the artifact: %w", err)
	}
	return mutate.Subject(artifact, *subject).(v1.Image), nil
}

// checkStatic returns an error for a binary that the image could not run: one for another platform, or one that needs a loader and libraries.
func checkStatic(binary string, platform v1.Platform) error {
	machine, ok := map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64}[platform.String()]
	if !ok {
		return fmt.Errorf("cannot make an image for %s", platform)
	}
	f, err := elf.Open(binary)
	if err != nil {
		return fmt.Errorf("cannot read the binary: %w", err)
	}
	defer func() { _ = f.Close() }() // It was only read.
	if f.Machine != machine {
		return fmt.Errorf("cannot use %q for %s: it is for %s", binary, platform, f.Machine)
	}
	for _, program := range f.Progs {
		if program.Type == elf.PT_INTERP || program.Type == elf.PT_DYNAMIC {
			return errors.New("cannot use a binary that is not static: build it with CGO_ENABLED=0")
		}
	}
	return nil
}

// summary is what was written.
type summary struct {
	digest v1.Hash
	rows   []string
}

func summarise(index v1.ImageIndex, parts []part) (*summary, error) {
	digest, err := index.Digest()
	if err != nil {
		return nil, fmt.Errorf("cannot read the index: %w", err)
	}
	s := &summary{digest: digest}
	for _, p := range parts {
		manifest, err := p.image.Manifest()
		if err != nil {
			return nil, fmt.Errorf("cannot read the image: %w", err)
		}
		var size int64
		for _, l := range manifest.Layers {
			size += l.Size
		}
		digest, err := p.image.Digest()
		if err != nil {
			return nil, fmt.Errorf("cannot read the image: %w", err)
		}
		s.rows = append(s.rows, fmt.Sprintf("%s\t%.1f MB compressed\t%s", p.platform, float64(size)/1e6, digest))
	}
	return s, nil
}

func (s *summary) print(w io.Writer) {
	const padding = 2
	table := tabwriter.NewWriter(w, 0, 0, padding, ' ', 0)
	for _, row := range s.rows {
		fmt.Fprintln(table, row)
	}
	fmt.Fprintf(table, "index\t\t%s\n", s.digest)
	_ = table.Flush() // A line that cannot be printed is no failure of the image.
}
