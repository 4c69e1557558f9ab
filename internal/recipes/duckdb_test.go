package recipes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

// duckdbProgram returns the path of build/duckdb. The first call builds it.
var duckdbProgram = sync.OnceValues(func() (string, error) { return process.Make(root, "duckdb", "build/duckdb") })

// table is one of Athena, as its DDL says.
type table struct {
	name string
	// columns are those of the lines and partitions those of the folders, in their
	// order, with their types.
	columns, partitions [][2]string
	properties          map[string]string
}

var (
	ddl        = regexp.MustCompile("(?s)^CREATE EXTERNAL TABLE (\\w+) \\((.*?)\\)\nPARTITIONED BY \\((.*?)\\)\n(.*)$")
	ddlColumn  = regexp.MustCompile("`(\\w+)` (\\w+)")
	ddlSetting = regexp.MustCompile(`'([^']+)' = '([^']*)'`)
)

// readTable reads the DDL of a table.
func readTable(t *testing.T, statement string) *table {
	t.Helper()
	m := ddl.FindStringSubmatch(statement)
	require.NotNil(t, m, statement)
	columns := func(text string) (all [][2]string) {
		for _, c := range ddlColumn.FindAllStringSubmatch(text, -1) {
			all = append(all, [2]string{c[1], c[2]})
		}
		require.Len(t, all, strings.Count(text, ",")+1)
		return all
	}
	tab := &table{name: m[1], columns: columns(m[2]), partitions: columns(m[3]), properties: map[string]string{}}
	for _, s := range ddlSetting.FindAllStringSubmatch(m[4], -1) {
		tab.properties[s[1]] = s[2]
	}
	return tab
}

// view is SQL by which DuckDB knows objects in a folder as the table: it reads the
// columns of the DDL from lines, and those of partitions from names of folders.
func (tab *table) view(dir string) string {
	types := func(columns [][2]string) string {
		var list []string
		for _, c := range columns {
			list = append(list, fmt.Sprintf("'%s': '%s'", c[0], map[string]string{"string": "VARCHAR", "bigint": "BIGINT"}[c[1]]))
		}
		return "{" + strings.Join(list, ", ") + "}"
	}
	return fmt.Sprintf("CREATE VIEW %s AS SELECT * FROM read_json('%s', format = 'newline_delimited', compression = 'gzip', columns = %s, hive_partitioning = true, hive_types = %s);\n",
		tab.name, filepath.Join(dir, "**", "*.gz"), types(tab.columns), types(tab.partitions))
}

// query returns the rows of a query about the table, without their nulls. Numbers
// are as they are written.
func (tab *table) query(t *testing.T, dir, query string) []map[string]string {
	t.Helper()
	path, err := duckdbProgram()
	require.NoError(t, err)
	cmd := process.Command(t.Context(), nil, path)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(tab.view(dir)+query), &out, &errs
	require.NoError(t, cmd.Run(), "%s\n%s", query, errs.String())
	lines := json.NewDecoder(&out)
	lines.UseNumber()
	var rows []map[string]string
	for lines.More() {
		var values map[string]any
		require.NoError(t, lines.Decode(&values))
		row := map[string]string{}
		for name, value := range values {
			row[name] = fmt.Sprint(value)
		}
		rows = append(rows, row)
	}
	return rows
}
