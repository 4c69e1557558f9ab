package terraform

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/stretchr/testify/require"
)

var hclBlock = regexp.MustCompile("(?ms)^```hcl\n(.*?)^```$")

// What pages show of the modules is formatted, gives every variable that has no default and none that there is not, and refers to modules on the page.
func TestPages_UseModulesAsTheyAre(t *testing.T) {
	const root = "../.."
	var pages []string
	for _, pattern := range []string{"docs/*.md", "operations/terraform/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		pages = append(pages, found...)
	}
	checked := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		called := map[string]module{}
		for _, example := range hclBlock.FindAllSubmatch(text, -1) {
			require.Equal(t, string(hclwrite.Format(example[1])), string(example[1]), page)
			file, diagnostics := hclsyntax.ParseConfig(example[1], page, hcl.InitialPos)
			require.False(t, diagnostics.HasErrors(), diagnostics.Error())
			for _, b := range file.Body.(*hclsyntax.Body).Blocks {
				require.Equal(t, "module", b.Type, page)
				folder, diagnostics := b.Body.Attributes["source"].Expr.Value(nil)
				require.False(t, diagnostics.HasErrors(), diagnostics.Error())
				m := parse(t, strings.TrimPrefix(folder.AsString(), "./operations/terraform/"))
				called[b.Labels[0]] = m
				requireCall(t, m, b)
				checked++
			}
			m := module{declared: map[string]bool{}, used: map[string]bool{}}
			m.add(file.Body.(*hclsyntax.Body))
			for reference := range m.used {
				require.Contains(t, called, strings.TrimPrefix(reference, "module."), page)
			}
		}
	}
	require.Greater(t, checked, 2)
}

// requireCall checks the arguments of a call of a module.
func requireCall(t *testing.T, m module, call *hclsyntax.Block) {
	t.Helper()
	variables := map[string]bool{"source": true}
	for _, d := range m.declarations(t, "variable") {
		variables[d.name] = true
		if d.standard == "" {
			require.Contains(t, call.Body.Attributes, d.name, call.Labels[0])
		}
	}
	for name := range call.Body.Attributes {
		require.True(t, variables[name], "%s of %s", name, call.Labels[0])
	}
}
