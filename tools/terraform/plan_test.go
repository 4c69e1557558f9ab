package terraform

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

const modulesDir = "../../operations/terraform"

// tool is the OpenTofu or Terraform that plans.
func tool(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("TERRAFORM"); path != "" {
		return path
	}
	path, err := filepath.Abs("../../build/tofu")
	require.NoError(t, err)
	require.FileExists(t, path, "make build/tofu, or set TERRAFORM")
	return path
}

// workspace is a copy of the modules in which the tool can work, and in which the providers are the stand-ins.
type workspace struct {
	dir string
	env []string
}

func newWorkspace(t *testing.T) workspace {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "terraform"), os.DirFS(modulesDir)))

	self, err := os.Executable()
	require.NoError(t, err)
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		for provider, version := range map[string]string{"aws": "6.0.0", "kubernetes": "2.20.0"} {
			folder := filepath.Join(dir, "mirror", registry, "hashicorp", provider, version, runtime.GOOS+"_"+runtime.GOARCH)
			require.NoError(t, os.MkdirAll(folder, 0o755))
			require.NoError(t, os.Symlink(self, filepath.Join(folder, "terraform-provider-"+provider+"_v"+version)))
		}
	}
	config := filepath.Join(dir, "cli.tfrc")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.Join(dir, "mirror")), 0o644))
	return workspace{filepath.Join(dir, "terraform"), append(os.Environ(), "TF_CLI_CONFIG_FILE="+config, "TF_IN_AUTOMATION=1")}
}

// run runs the tool in a module, and gives what it wrote and whether it was content.
func (w workspace) run(t *testing.T, module string, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), tool(t), args...)
	command.Dir = filepath.Join(w.dir, module)
	command.Env = w.env
	output, err := command.CombinedOutput()
	return string(output), err
}

// plan are the resources that a module makes, by their address.
func (w workspace) plan(t *testing.T, module string, variables map[string]any) map[string]map[string]any {
	t.Helper()
	output, err := w.tryPlan(t, module, variables)
	require.NoError(t, err, output)
	output, err = w.run(t, module, "show", "-json", "plan")
	require.NoError(t, err, output)
	var shown struct {
		Changes []struct {
			Address string
			Mode    string
			Change  struct{ After map[string]any }
		} `json:"resource_changes"`
	}
	require.NoError(t, json.Unmarshal([]byte(output), &shown))
	resources := map[string]map[string]any{}
	for _, change := range shown.Changes {
		if change.Mode == "managed" {
			resources[change.Address] = change.Change.After
		}
	}
	return resources
}

func (w workspace) tryPlan(t *testing.T, module string, variables map[string]any) (string, error) {
	t.Helper()
	content, err := json.Marshal(variables)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, module, "test.auto.tfvars.json"), content, 0o644))
	return w.run(t, module, "plan", "-no-color", "-input=false", "-out=plan")
}

func TestModules_AreValid(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	for _, module := range modules(t) {
		output, err := w.run(t, module, "init", "-no-color", "-input=false")
		require.NoError(t, err, output)
		output, err = w.run(t, module, "validate", "-no-color")
		require.NoError(t, err, output)
	}
}

// modules are the folders of all modules, examples among them.
func modules(t *testing.T) []string {
	t.Helper()
	var folders []string
	for _, pattern := range []string{"*/main.tf", "examples/*/main.tf"} {
		files, err := filepath.Glob(filepath.Join(modulesDir, pattern))
		require.NoError(t, err)
		for _, file := range files {
			folder, err := filepath.Rel(modulesDir, filepath.Dir(file))
			require.NoError(t, err)
			folders = append(folders, folder)
		}
	}
	require.Len(t, folders, 6)
	return folders
}
