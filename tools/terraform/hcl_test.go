package terraform

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/stretchr/testify/require"
)

// module is what the files of a folder declare and refer to.
type module struct {
	blocks []*hclsyntax.Block
	// Addresses, such as var.name, local.name, data.type.name, module.name and type.name.
	declared, used map[string]bool
}

func parse(t *testing.T, folder string) module {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(modulesDir, folder, "*.tf"))
	require.NoError(t, err)
	m := module{declared: map[string]bool{}, used: map[string]bool{}}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(hclwrite.Format(content)), string(content), "format of %s", file)
		require.False(t, bytes.Contains(content, []byte("arn:aws")), "a partition in %s", file)
		parsed, diagnostics := hclsyntax.ParseConfig(content, file, hcl.InitialPos)
		require.False(t, diagnostics.HasErrors(), diagnostics.Error())
		m.add(parsed.Body.(*hclsyntax.Body))
	}
	return m
}

func (m *module) add(body *hclsyntax.Body) {
	m.blocks = append(m.blocks, body.Blocks...)
	for _, b := range body.Blocks {
		switch b.Type {
		case "variable":
			m.declared["var."+b.Labels[0]] = true
		case "module":
			m.declared["module."+b.Labels[0]] = true
		case "data":
			m.declared["data."+strings.Join(b.Labels, ".")] = true
		case "resource":
			m.declared[strings.Join(b.Labels, ".")] = true
		case "locals":
			for name := range b.Body.Attributes {
				m.declared["local."+name] = true
			}
		}
		m.use(b)
	}
}

// use notes what the block refers to. What a variable says of itself, in its validations, is no use of it.
func (m *module) use(b *hclsyntax.Block) {
	inner := map[string]bool{}
	if b.Type == "variable" {
		inner["var."+b.Labels[0]] = true
	}
	_ = hclsyntax.VisitAll(b.Body, func(node hclsyntax.Node) hcl.Diagnostics {
		if traversal, ok := node.(*hclsyntax.ScopeTraversalExpr); ok {
			if a := address(traversal.Traversal); a != "" && !inner[a] {
				m.used[a] = true
			}
		}
		return nil
	})
}

// address is the beginning of a reference that names what is referred to. It is empty for the variables of for expressions and dynamic blocks, and for values of
// the language.
func address(traversal hcl.Traversal) string {
	words := []string{traversal.RootName()}
	for _, step := range traversal[1:] {
		attribute, ok := step.(hcl.TraverseAttr)
		if !ok {
			break
		}
		words = append(words, attribute.Name)
	}
	n := 2
	switch root := words[0]; {
	case root == "data":
		n = 3
	case root == "var", root == "local", root == "module":
	case strings.HasPrefix(root, "aws_"), strings.HasPrefix(root, "kubernetes_"):
	default:
		return ""
	}
	return strings.Join(words[:min(n, len(words))], ".")
}

func TestModules_ReferToWhatTheyDeclare(t *testing.T) {
	for _, folder := range modules(t) {
		m := parse(t, folder)
		require.NotEmpty(t, m.used, folder)
		require.Subset(t, slices.Collect(maps.Keys(m.declared)), slices.Collect(maps.Keys(m.used)), folder)
		for a := range m.declared {
			if strings.HasPrefix(a, "var.") || strings.HasPrefix(a, "local.") || strings.HasPrefix(a, "data.") {
				require.Contains(t, m.used, a, "%s isn't used in %s", a, folder)
			}
		}
	}
}

// declaration is a variable or an output.
type declaration struct{ name, kind, standard, description string }

// declarations are the variables or the outputs of a module, by their order.
func (m module) declarations(t *testing.T, blockType string) []declaration {
	t.Helper()
	var found []declaration
	for _, b := range m.blocks {
		if b.Type != blockType {
			continue
		}
		d := declaration{name: b.Labels[0]}
		description, diagnostics := b.Body.Attributes["description"].Expr.Value(nil)
		require.False(t, diagnostics.HasErrors(), d.name)
		d.description = description.AsString()
		require.True(t, strings.HasSuffix(d.description, "."), "the description of %s isn't a sentence", d.name)
		if blockType == "variable" {
			d.kind = source(t, b.Body.Attributes["type"].Expr.Range())
			if standard, ok := b.Body.Attributes["default"]; ok {
				d.standard = source(t, standard.Expr.Range())
			}
		}
		found = append(found, d)
	}
	return found
}

func source(t *testing.T, r hcl.Range) string {
	t.Helper()
	content, err := os.ReadFile(r.Filename)
	require.NoError(t, err)
	return string(r.SliceBytes(content))
}

// Every variable has a type and a description, and every output a description.
func TestModules_AreDocumented(t *testing.T) {
	for _, folder := range modules(t) {
		m := parse(t, folder)
		for _, b := range m.blocks {
			if b.Type == "variable" {
				require.Contains(t, b.Body.Attributes, "type", b.Labels)
			}
			if b.Type == "variable" || b.Type == "output" {
				require.Contains(t, b.Body.Attributes, "description", b.Labels)
			}
		}
	}
}
