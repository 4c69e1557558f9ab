package helm

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// values are the parts of values.yaml that have to fit each other.
type values struct {
	Alloy struct {
		StoragePath string `yaml:"storagePath"`
		Mounts      struct {
			Extra []struct {
				Name      string `yaml:"name"`
				MountPath string `yaml:"mountPath"`
			} `yaml:"extra"`
		} `yaml:"mounts"`
		ExtraPorts []struct {
			Port       int `yaml:"port"`
			TargetPort int `yaml:"targetPort"`
		} `yaml:"extraPorts"`
		ExtraEnv []struct {
			Name string `yaml:"name"`
		} `yaml:"extraEnv"`
		ConfigMap struct {
			Content string `yaml:"content"`
		} `yaml:"configMap"`
		SecurityContext struct {
			RunAsUser int `yaml:"runAsUser"`
		} `yaml:"securityContext"`
	} `yaml:"alloy"`
	Controller struct {
		Volumes struct {
			Extra []struct {
				Name string `yaml:"name"`
			} `yaml:"extra"`
		} `yaml:"volumes"`
	} `yaml:"controller"`
	Global struct {
		PodSecurityContext struct {
			FSGroup int `yaml:"fsGroup"`
		} `yaml:"podSecurityContext"`
	} `yaml:"global"`
	Ingress struct {
		FaroPort int `yaml:"faroPort"`
	} `yaml:"ingress"`
}

// Helm ignores a key that a chart does not know. So a misspelt one, or one that another version of the chart has renamed, would go unnoticed.
func TestValues_KeysAreTheCharts(t *testing.T) {
	var ours, chart map[string]any
	readYAML(t, "values.yaml", &ours)
	readYAML(t, filepath.Join(chartDir(t), "values.yaml"), &chart)

	// The chart reads these keys, but its defaults have them in comments only.
	commented := []string{"ingress.ingressClassName"}
	require.Equal(t, commented, unknownKeys(ours, chart, ""))
}

func TestValues_FitEachOther(t *testing.T) {
	var v values
	readYAML(t, "values.yaml", &v)
	config := v.Alloy.ConfigMap.Content

	ports := regexp.MustCompile(`listen_port *= *(\d+)`).FindStringSubmatch(config)
	require.NotNil(t, ports)
	require.Len(t, v.Alloy.ExtraPorts, 1)
	require.Equal(t, "8080", ports[1])
	require.Equal(t, 8080, v.Alloy.ExtraPorts[0].TargetPort)
	require.Equal(t, v.Alloy.ExtraPorts[0].Port, v.Ingress.FaroPort)

	var given, asked []string
	for _, env := range v.Alloy.ExtraEnv {
		given = append(given, env.Name)
	}
	for _, match := range regexp.MustCompile(`sys\.env\("(\w+)"\)`).FindAllStringSubmatch(config, -1) {
		asked = append(asked, match[1])
	}
	require.ElementsMatch(t, given, asked)

	require.Equal(t, v.Alloy.StoragePath, v.Alloy.Mounts.Extra[0].MountPath)
	require.Equal(t, v.Alloy.Mounts.Extra[0].Name, v.Controller.Volumes.Extra[0].Name)
	require.Equal(t, v.Alloy.SecurityContext.RunAsUser, v.Global.PodSecurityContext.FSGroup)
}

// The Dockerfile and the values speak of the same user and the same storage directory.
func TestValues_FitTheImage(t *testing.T) {
	var v values
	readYAML(t, "values.yaml", &v)
	content, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	require.NoError(t, err)
	dockerfile := string(content)

	require.Contains(t, dockerfile, "\nUSER 473:473\n")
	require.Equal(t, 473, v.Alloy.SecurityContext.RunAsUser)
	require.Contains(t, dockerfile, `"--storage.path=`+v.Alloy.StoragePath+`"`)
	require.Contains(t, dockerfile, "\nENTRYPOINT [\"/bin/alloy\"]\n")
	// The chart overrides the arguments and names this file.
	require.Contains(t, dockerfile, " /etc/alloy/config.alloy\n")
}

// unknownKeys lists the paths of the keys in ours that chart lacks. A map that is empty in the chart is free in its keys.
func unknownKeys(ours, chart map[string]any, prefix string) []string {
	var unknown []string
	for _, key := range slices.Sorted(maps.Keys(ours)) {
		theirs, ok := chart[key]
		if !ok {
			unknown = append(unknown, prefix+key)
			continue
		}
		oursMap, isMap := ours[key].(map[string]any)
		chartMap, _ := theirs.(map[string]any)
		if isMap && len(chartMap) > 0 {
			unknown = append(unknown, unknownKeys(oursMap, chartMap, prefix+key+".")...)
		}
	}
	return unknown
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, into))
}

// chartDir is the chart in the sources of the Alloy that go.mod requires.
func chartDir(t *testing.T) string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/grafana/alloy").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(dir)), "operations", "helm", "charts", "alloy")
}
