package main

import (
	goast "go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/vm"

	"github.com/grafana/alloy/eks/internal/docpage"
)

const root = "../.."

var (
	fence       = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	inSlug      = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	linkTo      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	referenceTo = regexp.MustCompile(`(?m)^\[[^\]]+\]: (\S+)$`)
)

// pages returns the pages that match patterns, by their path from the root.
func pages(t *testing.T, patterns ...string) map[string]*docpage.Page {
	t.Helper()
	all := map[string]*docpage.Page{}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		require.NoError(t, err)
		require.NotEmpty(t, paths, pattern)
		for _, path := range paths {
			all[filepath.Clean(path)] = docpage.ReadFile(t, path)
		}
	}
	return all
}

// slug is what GitHub makes of a heading, as far as ours go.
func slug(heading string) string {
	return strings.ReplaceAll(inSlug.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// links returns where a page leads to.
func links(p *docpage.Page) []string {
	var all []string
	text := fence.ReplaceAllString(p.Text, "")
	for _, m := range slices.Concat(linkTo.FindAllStringSubmatch(text, -1), referenceTo.FindAllStringSubmatch(text, -1)) {
		all = append(all, m[1])
	}
	return all
}

// Links between pages, and into them, lead somewhere, and each page of docs can be
// found from the first one.
func TestDocs_Links(t *testing.T) {
	all := pages(t, "*.md", "docs/*.md", "docs/recipes/*.md", "component/*/*/README.md", "operations/*/*.md")
	found := map[string]bool{}
	for path, p := range all {
		for _, link := range links(p) {
			if strings.Contains(link, "://") {
				require.True(t, strings.HasPrefix(link, "https://") || strings.HasPrefix(link, "http://127.0.0.1"), "%s: %s", path, link)
				continue
			}
			file, fragment, _ := strings.Cut(link, "#")
			target := filepath.Clean(path)
			if file != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			_, err := os.Stat(target)
			require.NoError(t, err, "%s: %s", path, link)
			if fragment != "" {
				require.Contains(t, all, target, "%s: %s", path, link)
				leads := func(heading string) bool { return slug(heading) == fragment }
				require.True(t, slices.ContainsFunc(all[target].Headings, leads), "%s: %s", path, link)
			}
			if path != target {
				found[target] = true
			}
		}
	}
	require.Greater(t, len(found), 10)
	for path := range pages(t, "docs/*.md", "docs/recipes/*.md") {
		require.True(t, found[path], "no page leads to %s", path)
	}
}

// Configurations in docs are valid in the binary. In the place of <placeholders> of
// URLs stands one.
func TestDocs_Configurations(t *testing.T) {
	t.Setenv("FIREHOSE_ACCESS_KEY", "key")
	t.Setenv("LOKI_URL", "http://loki/push")
	n := 0
	for path, p := range pages(t, "docs/*.md", "docs/recipes/*.md") {
		for _, config := range p.Code {
			file := filepath.Join(t.TempDir(), "config.alloy")
			require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(config, "<LOKI_URL>", "http://loki/push")), 0o600))
			require.NoError(t, command("validate", file), "%s:\n%s", path, config)
			require.NoError(t, evaluate(config), "%s:\n%s", path, config)
			n++
		}
	}
	require.NotZero(t, n)
	require.ErrorContains(t, evaluate("awsfirehose.kubernetes \"a\" {\n\tforward_to = []\n\tlimits {\n\t\tconcurrent_size = \"1MiB\"\n\t}\n}"), "at least")
}

// evaluate sets the arguments of the components of a configuration, which checks
// them, as validating does not. Components refer to stand-ins of each other.
func evaluate(config string) error {
	file, err := parser.ParseFile("", []byte(config))
	if err != nil {
		return err
	}
	scope := map[string]any{}
	for _, statement := range file.Body {
		at := scope
		block := statement.(*ast.BlockStmt)
		for _, name := range append(slices.Clone(block.Name), block.Label) {
			if at[name] == nil {
				at[name] = map[string]any{}
			}
			at = at[name].(map[string]any)
		}
		at["receiver"], at["rules"] = loki.NewLogsReceiver(), relabel.Rules{}
	}
	for _, statement := range file.Body {
		block := statement.(*ast.BlockStmt)
		registration, ok := component.Get(block.GetBlockName())
		if !ok || block.Name[0] == "otelcol" { // Their receivers have no stand-in.
			continue
		}
		args := reflect.New(reflect.TypeOf(registration.Args)).Interface()
		if err := vm.New(block.Body).Evaluate(vm.NewScope(scope), args); err != nil {
			return err
		}
	}
	return nil
}

var (
	ourMetric      = regexp.MustCompile(`\b(?:awsfirehose_kubernetes|awsfirehose_metrics|cloudwatch_eks_controlplane|loki_write_sync)_[a-z0-9_]+`)
	upstreamMetric = regexp.MustCompile(`\b(?:loki_source_awsfirehose|loki_write)_[a-z0-9_]+`)
	rule           = regexp.MustCompile(`(?m)^([a-z][a-z0-9/-]*):`)
	target         = regexp.MustCompile(`\bmake ([a-z][a-z0-9/-]*)`)
	argument       = regexp.MustCompile("`((?:http|grpc|key|limits|partial_lines|timestamp)\\.[a-z0-9_.]+)`")
)

// Metrics, arguments and make targets that docs speak of exist.
func TestDocs_Names(t *testing.T) {
	ours := map[string]bool{}
	for _, p := range pages(t, "component/*/*/README.md") {
		for _, name := range p.Names("Debug metrics") {
			ours[name] = true
		}
	}
	upstream := upstreamPage(t, "loki.source.awsfirehose") + upstreamPage(t, "loki.write")
	arguments := map[string]bool{}
	for _, name := range []string{"awsfirehose.kubernetes", "awsfirehose.metrics", "cloudwatch.eks_controlplane"} {
		for _, a := range argumentsOf(t, name) {
			arguments[a.Path()] = true
			block, _, _ := strings.Cut(a.Path(), "."+a.Name)
			arguments[block] = true
		}
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	targets := map[string]bool{}
	for _, m := range rule.FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}

	met := map[string]int{}
	for path, p := range pages(t, "*.md", "docs/*.md", "docs/recipes/*.md") {
		for _, name := range ourMetric.FindAllString(p.Text, -1) {
			require.True(t, ours[name], "%s: %s", path, name)
			met["our metrics"]++
		}
		for _, name := range upstreamMetric.FindAllString(p.Text, -1) {
			require.True(t, ours[name] || strings.Contains(upstream, "`"+name+"`"), "%s: %s", path, name)
			met["upstream's metrics"]++
		}
		for _, m := range argument.FindAllStringSubmatch(p.Text, -1) {
			require.True(t, arguments[m[1]], "%s: %s", path, m[1])
			met["arguments"]++
		}
		for _, m := range target.FindAllStringSubmatch(commands(p.Text), -1) {
			require.True(t, targets[m[1]], "%s: make %s", path, m[1])
			met["targets"]++
		}
	}
	require.Len(t, met, 4, "the expressions find nothing")
}

var code = regexp.MustCompile("(?ms)^```sh$.*?^```$|`[^`\n]+`")

// commands returns what stands in code.
func commands(text string) string { return strings.Join(code.FindAllString(text, -1), "\n") }

var (
	firehoseCommand = regexp.MustCompile(`build/firehose ([a-z]+)((?:[^\n|]|\\\n)*)`)
	flag            = regexp.MustCompile(`\s(--[a-z-]+)`)
)

// Flags that docs give to the stand-in for Firehose exist.
func TestDocs_Flags(t *testing.T) {
	help := map[string]string{}
	n := 0
	for path, p := range pages(t, "*.md", "docs/*.md", "docs/recipes/*.md") {
		for _, m := range firehoseCommand.FindAllStringSubmatch(commands(p.Text), -1) {
			if help[m[1]] == "" {
				text, err := exec.Command("go", "run", "-C", root, "./cmd/firehose", m[1], "--help").Output()
				require.NoError(t, err)
				help[m[1]] = string(text)
			}
			for _, f := range flag.FindAllStringSubmatch(m[2], -1) {
				require.Contains(t, help[m[1]], " "+f[1]+" ", path)
				n++
			}
		}
	}
	require.NotZero(t, n)
}

// upstreamPage returns the page of one of Alloy's own components.
func upstreamPage(t *testing.T, component string) string {
	t.Helper()
	family, _, _ := strings.Cut(component, ".")
	text, err := os.ReadFile(filepath.Join(moduleDir(t, "github.com/grafana/alloy"), "docs", "sources", "reference", "components", family, component+".md"))
	require.NoError(t, err)
	return string(text)
}

func moduleDir(t *testing.T, path string) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(dir))
}

func argumentsOf(t *testing.T, name string) []docpage.Argument {
	t.Helper()
	registration, ok := component.Get(name)
	require.True(t, ok, name)
	return docpage.Arguments(reflect.TypeOf(registration.Args))
}

var quoted = regexp.MustCompile("`([a-zA-Z0-9_.]+)`")

// quotedIn returns what is quoted in the first cells of a table.
func quotedIn(p *docpage.Page, heading string) []string {
	var names []string
	for _, row := range p.Rows[heading] {
		for _, m := range quoted.FindAllStringSubmatch(row[0], -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// The page about loki.source.awsfirehose says of each of its arguments, or of the
// block that has it, what becomes of it, and our components have it.
func TestDocs_ArgumentsOfAwsfirehose(t *testing.T) {
	var want []string
	for _, a := range argumentsOf(t, "loki.source.awsfirehose") {
		path := strings.TrimSuffix(strings.TrimSuffix(a.Path(), a.Name), ".")
		if path == "" {
			path = a.Name
		}
		want = append(want, path)
		for _, ours := range []string{"awsfirehose.kubernetes", "cloudwatch.eks_controlplane"} {
			require.True(t, slices.ContainsFunc(argumentsOf(t, ours), func(b docpage.Argument) bool { return b.Path() == a.Path() }), "%s of %s", a.Path(), ours)
		}
	}
	slices.Sort(want)
	p := docpage.ReadFile(t, filepath.Join(root, "docs", "migrate-from-awsfirehose.md"))
	require.ElementsMatch(t, slices.Compact(want), quotedIn(p, "Arguments"))
}

// The page about the OpenTelemetry receiver says the same of each of its arguments,
// those of the collector's HTTP server among them, and shows what is measured.
func TestDocs_ArgumentsOfOpenTelemetry(t *testing.T) {
	p := docpage.ReadFile(t, filepath.Join(root, "docs", "migrate-from-opentelemetry.md"))
	want := []string{"access_key", "encoding", "record_type", "endpoint", "transport"}
	server := filepath.Join(moduleDir(t, "go.opentelemetry.io/collector/config/confighttp"), "server.go")
	file, err := goparser.ParseFile(token.NewFileSet(), server, nil, 0)
	require.NoError(t, err)
	goast.Inspect(file, func(n goast.Node) bool {
		spec, ok := n.(*goast.TypeSpec)
		if !ok || spec.Name.Name != "ServerConfig" {
			return true
		}
		for _, field := range spec.Type.(*goast.StructType).Fields.List {
			if field.Tag == nil {
				continue
			}
			name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("mapstructure"), ",")
			if name != "" {
				want = append(want, name)
			}
		}
		return false
	})
	require.ElementsMatch(t, want, quotedIn(p, "Arguments of the receiver"))

	measured, err := os.ReadFile(filepath.Join(root, "tools", "otelcol", "containers.yaml"))
	require.NoError(t, err)
	require.Len(t, p.Blocks["yaml"], 1)
	for _, part := range strings.Split(p.Blocks["yaml"][0], "\n\n") {
		require.Contains(t, string(measured), part)
	}
}

// The page about symptoms names reasons that there are, with their status.
func TestDocs_Reasons(t *testing.T) {
	p := docpage.ReadFile(t, filepath.Join(root, "docs", "troubleshooting.md"))
	c := docpage.ReadFile(t, filepath.Join(root, "component", "awsfirehose", "kubernetes", "README.md"))
	reasons := map[string]string{}
	for _, row := range c.Rows["Delivery"] {
		reasons[strings.Trim(row[1], "`")] = row[0]
	}
	n := 0
	for _, row := range p.Rows["The status is…"] {
		for _, m := range quoted.FindAllStringSubmatch(row[1], -1) {
			require.Equal(t, reasons[m[1]], row[0], m[1])
			n++
		}
	}
	require.Greater(t, n, 10)
}
