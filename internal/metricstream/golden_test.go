package metricstream

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what comes out into the golden files")

// TestGolden reads testdata/json.txtar: for each case a file name/in with a record,
// and a file name/want with the samples of its data.
func TestGolden(t *testing.T) {
	const file = "testdata/json.txtar"
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	for i := 0; i < len(archive.Files); i++ {
		f := archive.Files[i]
		name, ok := strings.CutSuffix(f.Name, "/in")
		if !ok {
			continue
		}
		got := render(t, f.Data)
		next := i + 1
		if next == len(archive.Files) || archive.Files[next].Name != name+"/want" {
			archive.Files = slices.Insert(archive.Files, next, txtar.File{Name: name + "/want"})
		}
		if *update {
			archive.Files[next].Data = []byte(got)
			continue
		}
		require.Equal(t, string(archive.Files[next].Data), got, name)
	}
	if *update {
		require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
	}
}

// render returns the samples of a record in the way of Prometheus' text format, and
// its flaws.
func render(t testing.TB, rec []byte) string {
	t.Helper()
	namer, err := NewNamer("job", 10)
	require.NoError(t, err)
	var sb strings.Builder
	var p Parser
	p.Reset(rec)
	for p.Next() {
		if p.Flaw() != "" {
			fmt.Fprintf(&sb, "flaw %s: %q\n", p.Flaw(), p.Part())
			continue
		}
		d := p.Datum()
		series, _, _ := namer.Series(d, nil)
		for i, s := range d.Statistics {
			if series[i].IsEmpty() {
				fmt.Fprintf(&sb, "no name of its own for %s\n", s.Name)
				continue
			}
			fmt.Fprintf(&sb, "%s %v %s\n", series[i], s.Value, time.UnixMilli(d.Millis).UTC().Format(time.RFC3339Nano))
		}
	}
	return sb.String()
}
