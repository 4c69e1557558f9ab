package endtoend

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/grafana/loki/pkg/push"
	"github.com/klauspost/compress/snappy"
	"github.com/stretchr/testify/require"
)

// These tests hold down what the distribution relies on in Loki, so that another
// version of it cannot take it away unnoticed.

// push sends entries of one stream as loki.write does, and returns the answer.
func (n *tenant) push(t *testing.T, labels string, entries ...push.Entry) (status int, message string) {
	t.Helper()
	body, err := (&push.PushRequest{Streams: []push.Stream{{Labels: labels, Entries: entries}}}).Marshal()
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.pushURL(), bytes.NewReader(snappy.Encode(nil, body)))
	require.NoError(t, err)
	req.Header = http.Header{"X-Scope-Orgid": {n.id}, "Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"snappy"}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

var noon = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

func TestLoki_KeepsOneOfEqualEntries(t *testing.T) {
	loki := sharedLoki(t)
	f := func(want int, labels string, entries ...push.Entry) {
		t.Helper()
		for range 2 {
			status, message := loki.push(t, labels, entries...)
			require.Equal(t, 204, status, message)
		}
		require.Equal(t, want, loki.count(t, labels))
	}
	with := func(line string, at time.Time, metadata ...string) push.Entry {
		e := push.Entry{Line: line, Timestamp: at}
		for i := 0; i < len(metadata); i += 2 {
			e.StructuredMetadata = append(e.StructuredMetadata, push.LabelAdapter{Name: metadata[i], Value: metadata[i+1]})
		}
		return e
	}
	f(1, `{case="in two requests"}`, with("x", noon))
	f(1, `{case="in one request"}`, with("x", noon), with("x", noon))
	f(2, `{case="another line"}`, with("x", noon), with("y", noon))
	f(2, `{case="another nanosecond"}`, with("x", noon), with("x", noon.Add(1)))
	f(1, `{case="the same metadata"}`, with("x", noon, "a", "1", "b", "2"), with("x", noon, "b", "2", "a", "1"))
	// So nothing in the metadata may depend on when or how an entry was delivered.
	f(2, `{case="other metadata"}`, with("x", noon, "a", "1"), with("x", noon, "a", "2"))

	// Also when so much came in between that the first one is compressed by now.
	const labels = `{case="much later"}`
	between := []push.Entry{with("x", noon)}
	for i := range 1000 {
		between = append(between, with(strings.Repeat("much ", 1000), noon.Add(time.Duration(i+1))))
	}
	f(1001, labels, between...)
}

func TestLoki_TakesAnyLine(t *testing.T) {
	loki := sharedLoki(t)
	lines := []string{"", " ", "\x00", "bad \xff\xfe bytes", "cut \xe4\xb8", strings.Repeat("long ", 200_000)}
	for i, line := range lines {
		status, message := loki.push(t, `{case="lines"}`, push.Entry{Timestamp: noon.Add(time.Duration(i)), Line: line})
		require.Equal(t, 204, status, message)
	}
	entries := loki.entries(t, `{case="lines"}`)
	require.Len(t, entries, len(lines))
	for i, e := range entries {
		// Only what it shows is always UTF-8.
		require.Equal(t, string([]rune(lines[i])), e.Line)
	}
	require.Equal(t, 1, loki.count(t, `{case="lines"} |= "bad \xff\xfe bytes"`))
}

func TestLoki_Refuses(t *testing.T) {
	loki := ownLoki(t, byDefault)
	now := time.Now()
	f := func(want, labels string, e push.Entry) {
		t.Helper()
		status, message := loki.push(t, labels, e)
		if want == "" {
			require.Equal(t, 204, status, message)
			return
		}
		require.Equal(t, 400, status)
		require.Contains(t, message, want)
	}
	at := func(age time.Duration) push.Entry { return push.Entry{Timestamp: now.Add(-age), Line: "x"} }
	const day = 24 * time.Hour
	f("", `{case="age"}`, at(7*day-time.Minute))
	f("timestamp too old", `{case="age"}`, at(7*day+time.Minute))
	f("", `{case="future"}`, at(-9*time.Minute))
	f("timestamp too new", `{case="future"}`, at(-11*time.Minute))
	// Within a stream an hour is the limit, counted from the newest line.
	f("", `{case="order"}`, at(0))
	f("", `{case="order"}`, at(59*time.Minute))
	f("entry too far behind", `{case="order"}`, at(61*time.Minute))

	f("", `{case="length"}`, push.Entry{Timestamp: now, Line: strings.Repeat("x", 256<<10)})
	f("max entry size", `{case="length"}`, push.Entry{Timestamp: now, Line: strings.Repeat("x", 256<<10+1)})
	f("invalid UTF-8", "{case=\"\xff\"}", at(0))
}
