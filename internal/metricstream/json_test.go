package metricstream

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/grafana/alloy/eks/internal/metrictraffic"
)

// line is a datum as the standard library reads it.
type line struct {
	Account    *string             `json:"account_id"`
	Region     *string             `json:"region"`
	Namespace  *string             `json:"namespace"`
	Name       *string             `json:"metric_name"`
	Dimensions map[string]*string  `json:"dimensions"`
	Timestamp  *float64            `json:"timestamp"`
	Value      map[string]*float64 `json:"value"`
}

// FuzzParser_JSON holds a line of JSON against encoding/json.
func FuzzParser_JSON(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/json.txtar")
	require.NoError(f, err)
	for _, file := range archive.Files {
		for l := range bytes.Lines(file.Data) {
			f.Add(l)
		}
	}
	f.Fuzz(func(t *testing.T, rec []byte) {
		if !beginsObject(rec) || isFramed(rec) {
			return
		}
		var want map[string]json.RawMessage
		valid := json.Unmarshal(rec, &want) == nil
		var p Parser
		p.Reset(rec)
		n := 0
		for p.Next() {
			n++
			require.LessOrEqual(t, n, len(rec))
			if p.Flaw() == FlawJSON {
				require.False(t, valid)
			}
		}
		if !valid {
			return
		}
		require.LessOrEqual(t, n, 1)
		p.Reset(rec)
		if !p.Next() || p.Flaw() != "" {
			return
		}
		var l line
		if err := json.Unmarshal(rec, &l); err != nil || len(want) != countMembers(want) {
			return // It matches names in any case, and remembers what a null stood for.
		}
		checkLine(t, p.Datum(), &l, want)
	})
}

// countMembers returns how many of an object's members have a name that
// encoding/json takes for no other: it looks for names in any case.
func countMembers(object map[string]json.RawMessage) int {
	n := 0
	for name := range object {
		if bytes.Equal(bytes.ToLower([]byte(name)), []byte(name)) {
			n++
		}
	}
	return n
}

func checkLine(t *testing.T, d *Datum, l *line, members map[string]json.RawMessage) {
	t.Helper()
	// A member that stands twice is read as a mixture of both by the standard library.
	if bytes.Count(members["value"], []byte(":")) != len(l.Value) || bytes.Count(members["dimensions"], []byte(":")) != len(l.Dimensions) {
		return
	}
	said := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	require.Equal(t, said(l.Namespace), text(d.Namespace))
	require.Equal(t, said(l.Name), text(d.Name))
	require.Equal(t, int64(*l.Timestamp), d.Millis)
	require.Len(t, d.Dimensions, len(l.Dimensions))
	for _, s := range d.Statistics {
		require.False(t, math.IsNaN(s.Value))
	}
}

// A record costs no memory but its own.
func TestParser_Allocations(t *testing.T) {
	for name, format := range metrictraffic.Formats() {
		rec := format(traffic...)
		var p Parser
		read := func() {
			p.Reset(rec)
			for p.Next() {
				require.Empty(t, p.Flaw())
			}
		}
		read()
		require.Zero(t, testing.AllocsPerRun(100, read), name)
	}
}
