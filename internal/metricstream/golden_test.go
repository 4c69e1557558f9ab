package metricstream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/eks/internal/golden"
)

// TestGolden reads testdata/json.txtar: for each case a file name/in with a record,
// and a file name/want with the samples of its data.
func TestGolden(t *testing.T) {
	golden.Check(t, "testdata/json.txtar", func(t *testing.T, in txtar.File) []txtar.File {
		name, ok := strings.CutSuffix(in.Name, "/in")
		if !ok {
			return nil
		}
		return []txtar.File{{Name: name + "/want", Data: []byte(render(t, in.Data))}}
	})
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
