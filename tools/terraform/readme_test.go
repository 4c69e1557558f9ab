package terraform

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the tables of the README")

// The tables of the README are those of the modules.
func TestReadme_HasAllVariablesAndOutputs(t *testing.T) {
	path := filepath.Join(modulesDir, "README.md")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	got := string(content)
	for _, folder := range modules(t) {
		if strings.HasPrefix(folder, "examples") {
			continue
		}
		table := regexp.MustCompile(`(?s)(<!-- ` + folder + ` -->\n).*?(<!-- end -->)`)
		require.Len(t, table.FindAllString(got, -1), 1, folder)
		want := tables(t, parse(t, folder))
		got = table.ReplaceAllStringFunc(got, func(old string) string {
			marks := table.FindStringSubmatch(old)
			return marks[1] + want + marks[2]
		})
	}
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	require.Equal(t, got, string(content), "go test ./... -update")
}

func tables(t *testing.T, m module) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n| variable | type | default | |\n| --- | --- | --- | --- |\n")
	for _, d := range m.declarations(t, "variable") {
		standard := "required"
		if d.standard != "" {
			standard = "`" + d.standard + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", d.name, d.kind, standard, escape(d.description))
	}
	b.WriteString("\n| output | |\n| --- | --- |\n")
	for _, d := range m.declarations(t, "output") {
		fmt.Fprintf(&b, "| `%s` | %s |\n", d.name, escape(d.description))
	}
	b.WriteString("\n")
	return b.String()
}

// escape keeps Markdown from reading a name in angle brackets as HTML.
func escape(description string) string {
	return strings.NewReplacer("<", `\<`, "|", `\|`).Replace(description)
}

// What the page on Fluent Bit says of a configuration is what has been measured.
func TestFluentBitPage_SaysWhatWasMeasured(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(modulesDir, "fluent-bit.md"))
	require.NoError(t, err)
	results, err := os.ReadFile("../../internal/endtoend/testdata/captures.txt")
	require.NoError(t, err)
	table, _, _ := strings.Cut(string(results), "\n\n")
	measured := map[string]map[string]string{}
	var columns []string
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if columns == nil {
			columns = fields
			continue
		}
		require.Len(t, fields, len(columns))
		measured[fields[0]] = map[string]string{}
		for i, field := range fields {
			measured[fields[0]][columns[i]] = field
		}
	}

	rows := regexp.MustCompile("(?m)^\\| `([a-z0-9./-]+)` \\|.*\\| (\\d+) \\| (\\d+) \\| (\\d+) \\| (\\d+) \\|$").FindAllStringSubmatch(string(page), -1)
	require.GreaterOrEqual(t, len(rows), 10)
	for _, row := range rows {
		require.FileExists(t, filepath.Join("../../testdata/fluentbit", row[1]+".jsonl.gz"))
		result := measured[row[1]]
		require.Equal(t, []string{result["written"], result["found"], result["exact"], result["time"]}, row[2:], row[1])
	}
}
