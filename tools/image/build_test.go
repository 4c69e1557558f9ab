package main

import (
	"debug/elf"
	"encoding/binary"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

// programFor builds a small static program and makes its header say that it is for machine.
func programFor(t *testing.T, machine elf.Machine) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/small\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { println(\"small\") }\n"), 0o600))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", "small")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	path := filepath.Join(dir, "small")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	const machineOffset = 18 // https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
	binary.LittleEndian.PutUint16(content[machineOffset:], uint16(machine))
	require.NoError(t, os.WriteFile(path, content, 0o700))
	return path
}

func smallSpec(t *testing.T) spec {
	t.Helper()
	return spec{
		Binaries: map[string]string{"linux/amd64": programFor(t, elf.EM_X86_64), "linux/arm64": programFor(t, elf.EM_AARCH64)},
		Config:   filepath.Join(repository, "operations", "image", "config.alloy"),
		Version:  "v1.15.1-eks.1",
		Revision: "0123456789abcdef",
		Created:  time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
	}
}

// The same binaries give the same bytes, wherever and whenever.
func TestWrite_Reproducible(t *testing.T) {
	s := smallSpec(t)
	dir := t.TempDir()
	first, err := s.write(filepath.Join(dir, "first"))
	require.NoError(t, err)

	for name, path := range s.Binaries {
		moved := filepath.Join(t.TempDir(), "small")
		require.NoError(t, os.Rename(path, moved))
		require.NoError(t, os.Chtimes(moved, time.Now(), time.Unix(1e9, 0)))
		require.NoError(t, os.Chmod(moved, 0o500))
		s.Binaries[name] = moved
	}
	second, err := s.write(filepath.Join(dir, "second"))
	require.NoError(t, err)
	require.Equal(t, first.digest, second.digest)
	require.Equal(t, readTree(t, filepath.Join(dir, "first")), readTree(t, filepath.Join(dir, "second")))

	s.Version = "v1.15.1-eks.2"
	third, err := s.write(filepath.Join(dir, "second")) // Replaces it.
	require.NoError(t, err)
	require.NotEqual(t, first.digest, third.digest)
}

// readTree returns the content of all files below dir, by their paths.
func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		tree[strings.TrimPrefix(path, dir)] = string(content)
		return err
	}))
	require.NotEmpty(t, tree)
	return tree
}

// Pushed to a registry, the image is found by its tag for each platform, and the list of what is in it by the image's digest.
func TestPush(t *testing.T) {
	dir := t.TempDir()
	s := smallSpec(t)
	made, err := s.write(dir)
	require.NoError(t, err)
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true)))
	t.Cleanup(server.Close)
	reference := strings.TrimPrefix(server.URL, "http://") + "/logs/alloy-eks:v1.15.1-eks.1"

	pushed, err := push(dir, reference)
	require.NoError(t, err)
	require.Equal(t, made.digest.String(), pushed.DigestStr())

	tag, err := name.ParseReference(reference)
	require.NoError(t, err)
	for _, platform := range []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}} {
		image, err := remote.Image(tag, remote.WithPlatform(platform))
		require.NoError(t, err)
		require.NoError(t, validate.Image(image))
		config, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, platform.Architecture, config.Architecture)

		digest, err := image.Digest()
		require.NoError(t, err)
		referrers, err := remote.Referrers(tag.Context().Digest(digest.String()))
		require.NoError(t, err)
		found, err := referrers.IndexManifest()
		require.NoError(t, err)
		require.Len(t, found.Manifests, 1)
		require.Equal(t, string(sbomType), found.Manifests[0].ArtifactType)
	}
}

func TestPush_Failure(t *testing.T) {
	f := func(dir, reference, want string) {
		t.Helper()
		_, err := push(dir, reference)
		require.ErrorContains(t, err, want)
	}
	f(t.TempDir(), "registry.example.com/a:b:c", "cannot read the reference")
	f(t.TempDir(), "registry.example.com/alloy-eks:1", "cannot read the layout")

	dir := t.TempDir()
	s := smallSpec(t)
	_, err := s.write(dir)
	require.NoError(t, err)
	server := httptest.NewServer(registry.New())
	server.Close()
	f(dir, strings.TrimPrefix(server.URL, "http://")+"/alloy-eks:1", "cannot push")
}

func TestWrite_Failure(t *testing.T) {
	small := smallSpec(t)
	f := func(want string, change func(s *spec)) {
		t.Helper()
		s := small
		s.Binaries = maps.Clone(small.Binaries)
		change(&s)
		_, err := s.write(t.TempDir())
		require.ErrorContains(t, err, want)
	}
	f("it is for EM_AARCH64", func(s *spec) { s.Binaries["linux/amd64"] = s.Binaries["linux/arm64"] })
	f("cannot make an image for windows/amd64", func(s *spec) { s.Binaries["windows/amd64"] = s.Binaries["linux/amd64"] })
	f("cannot read platform", func(s *spec) { s.Binaries["a/b/c/d"] = s.Binaries["linux/amd64"] })
	f("cannot read the binary", func(s *spec) { s.Binaries["linux/amd64"] = s.Config })
	f("cannot read the configuration", func(s *spec) { s.Config = "missing" })
	f("cannot read the packages of the web UI", func(s *spec) { s.PackageLock = "missing" })
	// The shell of the machine needs a loader, or it's for another one.
	f("cannot use", func(s *spec) { s.Binaries = map[string]string{"linux/amd64": "/bin/sh"} })
}

func TestNpmPackages(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "package-lock.json")
	require.NoError(t, os.WriteFile(lock, []byte(`{"packages": {
		"": {"version": "0.0.0"},
		"node_modules/@scope/shown": {"version": "1.2.3", "license": "MIT"},
		"node_modules/shown": {"version": "4.5.6"},
		"node_modules/other/node_modules/shown": {"version": "4.0.0"},
		"node_modules/another/node_modules/shown": {"version": "4.5.6"},
		"node_modules/builder": {"version": "7.8.9", "dev": true}
	}}`), 0o600))
	packages, err := npmPackages(lock)
	require.NoError(t, err)
	var purls []string
	for _, p := range packages {
		purls = append(purls, p.PackageURL)
	}
	require.Equal(t, []string{"pkg:npm/%40scope/shown@1.2.3", "pkg:npm/shown@4.5.6", "pkg:npm/shown@4.0.0"}, purls)
	require.Equal(t, &cyclonedx.Licenses{{Expression: "MIT"}}, packages[0].Licenses)
	require.Nil(t, packages[1].Licenses)

	require.NoError(t, os.WriteFile(lock, []byte(`[]`), 0o600))
	_, err = npmPackages(lock)
	require.ErrorContains(t, err, "cannot read the packages of the web UI")
}

func TestEpoch(t *testing.T) {
	f := func(text string, want int64) {
		t.Helper()
		got, err := epoch(text)
		require.NoError(t, err)
		require.Equal(t, want, got.Unix())
	}
	f("", 0)
	f("1793534400", 1793534400)

	_, err := epoch("yesterday")
	require.ErrorContains(t, err, "SOURCE_DATE_EPOCH")
}

// The layout is one that tools for images take.
func TestWrite_Valid(t *testing.T) {
	dir := t.TempDir()
	s := smallSpec(t)
	_, err := s.write(dir)
	require.NoError(t, err)
	index, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	require.NoError(t, validate.Index(index))
}

// What is in a binary can be listed without an image, for those who take the binary alone.
func TestMaterials(t *testing.T) {
	s := smallSpec(t)
	list := func(binary string) string {
		t.Helper()
		var out strings.Builder
		cmd := materialsCommand()
		cmd.SetArgs([]string{"--binary", binary, "--version", s.Version})
		cmd.SetOut(&out)
		cmd.SilenceUsage = true
		require.NoError(t, cmd.Execute())
		return out.String()
	}
	t.Setenv("SOURCE_DATE_EPOCH", strconv.FormatInt(s.Created.Unix(), 10))
	want, err := s.materials(s.Binaries["linux/amd64"])
	require.NoError(t, err)
	require.Equal(t, string(want), list(s.Binaries["linux/amd64"]))
	require.Contains(t, string(want), s.Version)
}
