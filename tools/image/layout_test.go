package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

const (
	repository = "../.."
	made       = repository + "/build/image"
)

// openLayout reads what `make image` has made.
func openLayout(t *testing.T) (root, index v1.ImageIndex) {
	t.Helper()
	root, err := layout.ImageIndexFromPath(made)
	require.NoError(t, err, "run make image")
	manifest, err := root.IndexManifest()
	require.NoError(t, err)
	index, err = root.ImageIndex(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	return root, index
}

// images are those of the layout by platform.
func images(t *testing.T) map[string]v1.Image {
	t.Helper()
	_, index := openLayout(t)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	images := map[string]v1.Image{}
	for _, descriptor := range manifest.Manifests {
		image, err := index.Image(descriptor.Digest)
		require.NoError(t, err)
		images[descriptor.Platform.String()] = image
	}
	require.NotEmpty(t, images)
	return images
}

// file is one of an image.
type file struct {
	mode    int64
	owner   int
	content []byte
}

// unpacked remembers the files of images, which take seconds to decompress.
var unpacked = map[v1.Hash]map[string]file{}

// files are those of an image by path, of all layers. They must not be changed.
func files(t *testing.T, image v1.Image) map[string]file {
	t.Helper()
	digest, err := image.Digest()
	require.NoError(t, err)
	if all, ok := unpacked[digest]; ok {
		return all
	}
	reader := mutate.Extract(image)
	defer reader.Close()
	all := map[string]file{}
	unpacked[digest] = all
	for archive := tar.NewReader(reader); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		content, err := io.ReadAll(archive)
		require.NoError(t, err)
		require.Equal(t, header.Uid, header.Gid)
		all[strings.TrimSuffix(header.Name, "/")] = file{mode: header.Mode, owner: header.Uid, content: content}
	}
}

func TestLayout_Valid(t *testing.T) {
	root, index := openLayout(t)
	require.NoError(t, validate.Index(root))
	manifest, err := root.IndexManifest()
	require.NoError(t, err)
	version := manifest.Manifests[0].Annotations[refName]
	require.Regexp(t, `^v1\.15\.1-eks\.`, version)

	description, err := index.IndexManifest()
	require.NoError(t, err)
	require.Equal(t, version, description.Annotations["org.opencontainers.image.version"])
	require.Contains(t, images(t), "linux/"+runtime.GOARCH)
	// Each image has a list of what is in it.
	require.Len(t, manifest.Manifests, 1+len(description.Manifests))
}

func TestLayout_Config(t *testing.T) {
	for platform, image := range images(t) {
		got, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, platform, got.OS+"/"+got.Architecture)
		require.Equal(t, "473:473", got.Config.User)
		require.Equal(t, []string{"/bin/alloy"}, got.Config.Entrypoint)
		require.Equal(t, []string{"run", "/etc/alloy/config.alloy", "--storage.path=/var/lib/alloy/data"}, got.Config.Cmd)
		require.Equal(t, map[string]struct{}{"/var/lib/alloy/data": {}}, got.Config.Volumes)
		require.Equal(t, map[string]struct{}{"8080/tcp": {}, "12345/tcp": {}}, got.Config.ExposedPorts)
		require.Contains(t, got.Config.Env, "ALLOY_DEPLOY_MODE=docker")
		for _, label := range []string{"title", "description", "licenses", "created", "version", "revision"} {
			require.NotEmpty(t, got.Config.Labels["org.opencontainers.image."+label], label)
		}
		manifest, err := image.Manifest()
		require.NoError(t, err)
		require.Equal(t, got.Config.Labels, manifest.Annotations)
	}
}

func TestLayout_Files(t *testing.T) {
	for platform, image := range images(t) {
		all := files(t, image)
		paths := maps.Clone(all)
		for path, want := range map[string]file{
			"bin": {mode: 0o755}, "bin/alloy": {mode: 0o755},
			"etc": {mode: 0o755}, "etc/alloy": {mode: 0o755}, "etc/alloy/config.alloy": {mode: 0o644},
			"etc/group": {mode: 0o644}, "etc/passwd": {mode: 0o644},
			"etc/ssl": {mode: 0o755}, "etc/ssl/certs": {mode: 0o755}, "etc/ssl/certs/ca-certificates.crt": {mode: 0o644},
			"tmp": {mode: 0o1777}, "var": {mode: 0o755}, "var/lib": {mode: 0o755},
			"var/lib/alloy": {mode: 0o755, owner: 473}, "var/lib/alloy/data": {mode: 0o755, owner: 473},
		} {
			require.Contains(t, all, path)
			require.Equal(t, want.mode, all[path].mode, path)
			require.Equal(t, want.owner, all[path].owner, path)
			delete(paths, path)
		}
		require.Empty(t, paths, "there is nothing else")

		config, err := os.ReadFile(repository + "/operations/image/config.alloy")
		require.NoError(t, err)
		require.Equal(t, string(config), string(all["etc/alloy/config.alloy"].content))
		require.Contains(t, string(all["etc/passwd"].content), "\nalloy:x:473:473:")
		require.Contains(t, string(all["etc/group"].content), "\nalloy:x:473:")

		binary := filepath.Join(t.TempDir(), "alloy")
		require.NoError(t, os.WriteFile(binary, all["bin/alloy"].content, 0o600))
		parsed, err := v1.ParsePlatform(platform)
		require.NoError(t, err)
		require.NoError(t, checkStatic(binary, *parsed))
	}
}

func TestLayout_Size(t *testing.T) {
	for platform, image := range images(t) {
		manifest, err := image.Manifest()
		require.NoError(t, err)
		var compressed int64
		for _, l := range manifest.Layers {
			compressed += l.Size
		}
		t.Logf("%s: %.1f MB compressed, %.1f MB unpacked", platform, float64(compressed)/1e6, float64(len(files(t, image)["bin/alloy"].content))/1e6)
		require.Less(t, compressed, int64(90e6), "every node pulls this before a pod starts")
	}
}

// The authorities are those that browsers trust, and among them those of AWS and of Grafana's clouds.
func TestLayout_Roots(t *testing.T) {
	for _, image := range images(t) {
		names := map[string]bool{}
		for rest := files(t, image)["etc/ssl/certs/ca-certificates.crt"].content; len(bytes.TrimSpace(rest)) > 0; {
			var block *pem.Block
			block, rest = pem.Decode(rest)
			require.NotNil(t, block)
			certificate, err := x509.ParseCertificate(block.Bytes)
			require.NoError(t, err)
			require.True(t, certificate.IsCA)
			require.True(t, certificate.NotAfter.After(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)), certificate.Subject.CommonName)
			names[certificate.Subject.CommonName] = true
		}
		require.Greater(t, len(names), 100)
		for _, want := range []string{"Amazon Root CA 1", "Amazon Root CA 4", "ISRG Root X1", "GTS Root R1", "DigiCert Global Root G2"} {
			require.True(t, names[want], want)
		}
	}
}

// materialsOf returns the lists of what is in the images, by the digest of the image that they refer to.
func materialsOf(t *testing.T) map[v1.Hash]*cyclonedx.BOM {
	t.Helper()
	root, _ := openLayout(t)
	manifest, err := root.IndexManifest()
	require.NoError(t, err)
	all := map[v1.Hash]*cyclonedx.BOM{}
	for _, descriptor := range manifest.Manifests[1:] {
		require.Equal(t, string(sbomType), descriptor.ArtifactType)
		artifact, err := root.Image(descriptor.Digest)
		require.NoError(t, err)
		description, err := artifact.Manifest()
		require.NoError(t, err)
		layers, err := artifact.Layers()
		require.NoError(t, err)
		content, err := layers[0].Compressed()
		require.NoError(t, err)
		bom := new(cyclonedx.BOM)
		require.NoError(t, cyclonedx.NewBOMDecoder(content, cyclonedx.BOMFileFormatJSON).Decode(bom))
		all[description.Subject.Digest] = bom
	}
	return all
}

// What is in each image is listed, and the list refers to it.
func TestLayout_Materials(t *testing.T) {
	materials := materialsOf(t)
	require.Len(t, materials, len(images(t)))
	for _, image := range images(t) {
		digest, err := image.Digest()
		require.NoError(t, err)
		require.Contains(t, materials, digest)
		requireMaterials(t, materials[digest])
	}
}

// hasUI reports whether the image for a platform has the web UI, by the list of what is in it.
func hasUI(t *testing.T, platform string) bool {
	t.Helper()
	digest, err := images(t)[platform].Digest()
	require.NoError(t, err)
	for _, component := range *materialsOf(t)[digest].Components {
		if component.Name == "react" {
			return true
		}
	}
	return false
}

func requireMaterials(t *testing.T, bom *cyclonedx.BOM) {
	t.Helper()
	require.Regexp(t, `^v1\.15\.1-eks\.`, bom.Metadata.Component.Version)
	versions := map[string]string{}
	for _, component := range *bom.Components {
		require.NotEmpty(t, component.PackageURL, component.Name)
		versions[component.Name] = component.Version
	}
	require.Greater(t, len(versions), 400)
	require.Equal(t, "v1.15.1", versions["github.com/grafana/alloy"])
	require.Contains(t, versions, "std")
}
