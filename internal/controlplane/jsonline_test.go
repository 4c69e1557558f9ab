package controlplane

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/event"
)

// jsonForm returns the JSON form of a line of the scheduler.
func jsonForm(t *testing.T, line string) string {
	t.Helper()
	known, err := event.NewSources(100)
	require.NoError(t, err)
	p := NewParser(Options{Sources: known, LineFormat: JSON})
	p.Reset(firehoseTime, nil)
	found := p.Parse(nil, envelopeOf("kube-scheduler-0123456789abcdef0123456789abcdef", time.Unix(0, firehoseTime), line))
	require.Len(t, found, 1)
	return string(found[0].Line)
}

// No object has a name twice, since there are readers that refuse one which has.
func TestAppendJSON_Repeated(t *testing.T) {
	const (
		header = `I0820 10:04:59.000001      11 a.go:1] `
		begin  = `{"time":"2026-08-20T10:04:59.000001Z","level":"info","log_type":"scheduler","cluster":"shop","msg":"m","source_file":"a.go","source_line":1,"thread_id":11`
	)
	quoted := func(line string) string {
		text, err := json.Marshal(line)
		require.NoError(t, err)
		return string(text)
	}
	f := func(pairs, want string, whole bool) {
		t.Helper()
		line := header + `"m" ` + pairs
		if !whole {
			want += `,"raw":` + quoted(line)
		}
		require.Equal(t, begin+want+"}", jsonForm(t, line))
	}
	f(`a="1" b="2" A="3"`, `,"a":"1","b":"2","A":"3"`, true)
	f(`a="1" a="2"`, `,"a":"1"`, false)
	f(`a="1" b="2" a="1" b="3" c="4"`, `,"a":"1","b":"2","c":"4"`, false)
	f(`level="x" kv_level="y"`, `,"kv_level":"x"`, false)
	f(`kv_level="y" level="x"`, `,"kv_level":"y"`, false)
	f(`level="x" level="y"`, `,"kv_level":"x"`, false)

	for _, n := range []int{few - 1, few, few + 1, 10 * few} {
		var pairs, want strings.Builder
		for i := range n {
			fmt.Fprintf(&pairs, `p%d="v" `, i)
			fmt.Fprintf(&want, `,"p%d":"v"`, i)
		}
		f(strings.TrimSpace(pairs.String()), want.String(), true)
		f(pairs.String()+`p0="w"`, want.String(), false)
	}
}
