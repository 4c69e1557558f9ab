package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/require"
)

// stages reads the Dockerfile with Docker's own parser.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	f, err := os.Open(repository + "/Dockerfile")
	require.NoError(t, err)
	defer f.Close()
	parsed, err := parser.Parse(f)
	require.NoError(t, err)
	require.Empty(t, parsed.Warnings)
	warn := func(rule, _, _, message string, _ []parser.Range) { require.Fail(t, rule, message) }
	stages, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{Warn: warn}))
	require.NoError(t, err)
	return stages
}

// An image that the Dockerfile makes is like one that `make image` makes.
func TestDockerfile_LikeTheImage(t *testing.T) {
	all := stages(t)
	last := all[len(all)-1]
	require.Equal(t, "scratch", last.BaseName)
	var got v1.Config
	var labels []string
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			got.User = c.User
		case *instructions.WorkdirCommand:
			got.WorkingDir = c.Path
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				got.Env = append(got.Env, pair.String())
			}
		case *instructions.VolumeCommand:
			got.Volumes = set(c.Volumes)
		case *instructions.ExposeCommand:
			got.ExposedPorts = set(c.Ports)
		case *instructions.EntrypointCommand:
			got.Entrypoint = c.CmdLine
		case *instructions.CmdCommand:
			got.Cmd = c.CmdLine
		case *instructions.LabelCommand:
			for _, pair := range c.Labels {
				labels = append(labels, pair.Key)
			}
		}
	}
	for _, image := range images(t) {
		file, err := image.ConfigFile()
		require.NoError(t, err)
		want := file.Config
		require.ElementsMatch(t, slices.Collect(maps.Keys(want.Labels)), labels)
		want.Labels = nil
		require.Equal(t, want, got)
	}
}

func set(names []string) map[string]struct{} {
	s := map[string]struct{}{}
	for _, name := range names {
		s[name] = struct{}{}
	}
	return s
}

// The files of the image come from the stages before: those around the binary from this program, the data directory with its owner.
func TestDockerfile_Files(t *testing.T) {
	all := stages(t)
	var copies []string
	for _, command := range all[len(all)-1].Commands {
		if c, ok := command.(*instructions.CopyCommand); ok {
			require.Equal(t, "build", c.From)
			copies = append(copies, strings.Join([]string{c.SourcePaths[0], c.DestPath, c.Chown}, " "))
		}
	}
	require.Equal(t, []string{"/out/files/ / ", "/out/files/var/lib/alloy/ /var/lib/alloy/ 473:473", "/out/alloy /bin/alloy "}, copies)
}
