package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// delivery is one request as the endpoint of these tests got it.
type delivery struct {
	header    http.Header
	RequestID string
	Timestamp int64
	Records   []struct{ Data []byte }
}

// endpoint accepts everything, except that the first requests are answered with
// the given statuses.
type endpoint struct {
	*httptest.Server
	mu         sync.Mutex
	deliveries []delivery
	statuses   []int
	// handled is told of each answer, by how many there were.
	handled func(n int)
}

func newEndpoint(t *testing.T, statuses ...int) *endpoint {
	t.Helper()
	e := &endpoint{statuses: statuses}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

// answer forgets what came and answers the next requests with the statuses.
func (e *endpoint) answer(statuses ...int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deliveries, e.statuses = nil, statuses
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d := delivery{header: r.Header}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		gz, err := gzip.NewReader(r.Body)
		if err != nil {
			panic(err)
		}
		body = gz
	}
	if err := json.NewDecoder(body).Decode(&d); err != nil {
		panic(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	status := http.StatusOK
	if len(e.deliveries) < len(e.statuses) {
		status = e.statuses[len(e.deliveries)]
	}
	e.deliveries = append(e.deliveries, d)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"requestId":%q,"timestamp":1}`, d.RequestID)
	if e.handled != nil {
		e.handled(len(e.deliveries))
	}
}

// run executes the command line and returns its standard output.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := newCommand()
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestSend_CapturesOfTheRepository(t *testing.T) {
	e := newEndpoint(t)
	folder := filepath.Join("..", "..", "testdata", "fluentbit")
	out, err := run(t, "send", "--url", e.URL, "--json", "--gzip", "--seed", "1", "--access-key", "secret",
		"--common-attribute", "lbl_cluster=blue", "--header", "X-Scope-OrgID: t1", "--timestamp", "1787220000123",
		"--buffer-records", "200", filepath.Join(folder, "fargate-default.jsonl.gz"), filepath.Join(folder, "cri-parser.jsonl.gz"))
	require.NoError(t, err)
	require.NotContains(t, out, "secret")

	var sum standin.Summary
	require.NoError(t, json.Unmarshal([]byte(out), &sum))
	require.Equal(t, 319+290, sum.Records)
	require.Equal(t, 4, sum.Deliveries)
	require.EqualValues(t, 875047+1232902, sum.RawBytes)
	require.Less(t, sum.WireBytes, sum.RawBytes)
	require.Len(t, e.deliveries, 4)
	for _, d := range e.deliveries {
		require.EqualValues(t, 1787220000123, d.Timestamp)
		require.Equal(t, "secret", d.header.Get("X-Amz-Firehose-Access-Key"))
		require.Equal(t, "t1", d.header.Get("X-Scope-OrgID"))
		require.Equal(t, `{"commonAttributes":{"lbl_cluster":"blue"}}`, d.header.Get("X-Amz-Firehose-Common-Attributes"))
	}
}

func TestSend_CloudWatchCapture(t *testing.T) {
	for _, form := range []string{"gzip", "decompressed", "extracted"} {
		e := newEndpoint(t)
		_, err := run(t, "send", "--url", e.URL, "--cloudwatch-shape", form, filepath.Join("..", "..", "testdata", "fluentbit", "cloudwatch.jsonl.gz"))
		require.NoError(t, err)
		require.NotEmpty(t, e.deliveries)
		first := e.deliveries[0].Records[0].Data
		switch form {
		case "gzip":
			require.True(t, bytes.HasPrefix(first, []byte("\x1f\x8b")))
		case "decompressed":
			require.Contains(t, string(first), `"messageType":"DATA_MESSAGE"`)
		case "extracted":
			require.True(t, bytes.HasPrefix(first, []byte(`{"time":`)) || bytes.HasPrefix(first, []byte(`{"stream":`)), "%.80q", first)
		}
	}
}

// TestGenerate_SendDeliversTheSame checks that a generated capture, when it is
// sent, gives the records that send generates by itself.
func TestGenerate_SendDeliversTheSame(t *testing.T) {
	for _, args := range [][]string{
		{"--shape", "fargate-default", "--partial", "0.1"},
		{"--shape", "simple-aggregation", "--compression", "zstd"},
		{"--shape", "cloudwatch", "--cloudwatch-shape", "extracted", "--pods", "3"},
		{"--traffic", "controlplane", "--clusters", "2", "--centralised", "1", "--cloudwatch-shape", "decompressed"},
		{"--traffic", "controlplane", "--batch", "3", "--oversized", "0.1", "--cut-at", "20000"},
	} {
		args = append(args, "--seed", "5", "--start", "2026-08-20T10:00:00Z")
		file := filepath.Join(t.TempDir(), "capture.jsonl.gz")
		_, err := run(t, append([]string{"generate", "--records", "120", "-o", file}, args...)...)
		require.NoError(t, err)

		fromFile, direct := newEndpoint(t), newEndpoint(t)
		_, err = run(t, "send", "--url", fromFile.URL, "--buffer-records", "50", file)
		require.NoError(t, err)
		_, err = run(t, append([]string{"send", "--url", direct.URL, "--buffer-records", "50", "--generate", "120"}, args...)...)
		require.NoError(t, err)
		require.Len(t, fromFile.deliveries, 3)
		for i := range 3 {
			require.Equal(t, direct.deliveries[i].Records, fromFile.deliveries[i].Records)
		}
	}
}

func TestGenerate_StandardOutput(t *testing.T) {
	out, err := run(t, "generate", "--records", "7", "--pods", "2")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 7)
	for i, line := range lines {
		var record struct {
			Data []byte `json:"data_base64"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		n, ok := traffic.Sequence(string(record.Data))
		require.True(t, ok)
		require.EqualValues(t, i, n)
		// The last line is written now.
		require.Contains(t, string(record.Data), time.Now().UTC().Format("2006-"))
	}
}

func TestGenerate_UnfinishedFileIsRemoved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "capture.jsonl")
	_, err := run(t, "generate", "-o", filepath.Join(file, "x"))
	require.ErrorContains(t, err, "cannot write capture")
	_, err = run(t, "generate", "-o", file, "--shape", "xml")
	require.ErrorContains(t, err, "unknown shape")
	require.NoFileExists(t, file)
}

func TestSend_Repeat(t *testing.T) {
	ids := func(e *endpoint) map[string]int {
		seen := map[string]int{}
		for _, d := range e.deliveries {
			seen[d.RequestID]++
		}
		return seen
	}
	// New deliveries of the same records, even if the clock has moved on.
	e := newEndpoint(t)
	_, err := run(t, "send", "--url", e.URL, "--generate", "5", "--repeat", "3")
	require.NoError(t, err)
	require.Len(t, ids(e), 3)
	require.Equal(t, e.deliveries[0].Records, e.deliveries[2].Records)

	// The very same deliveries.
	e = newEndpoint(t)
	_, err = run(t, "send", "--url", e.URL, "--generate", "5", "--repeat", "3", "--prebuild", "--buffer-records", "3")
	require.NoError(t, err)
	require.Len(t, e.deliveries, 6)
	require.Len(t, ids(e), 2)
}

func TestSend_SummaryForPeople(t *testing.T) {
	e := newEndpoint(t, 503, 413)
	dir := t.TempDir()
	out, err := run(t, "send", "--url", e.URL, "--generate", "40", "--buffer-records", "10", "--retry-duration", "0", "--backup", dir)
	require.ErrorContains(t, err, "2 of 4 deliveries were not accepted")
	want := []string{
		"                                    deliveries      records",
		"sent                                         4           40",
		"accepted                                     2           20",
		"backed up                                    1           10",
		"discarded after 413                          1           10",
		"attempts                                     4",
		"answered 200                                 2",
		"answered 413                                 1",
		"answered 503                                 1",
		"HttpEndpoint.DestinationException            2",
	}
	require.Equal(t, want, strings.Split(out, "\n")[:len(want)])
	require.Regexp(t, `(?m)^elapsed +\d+\.\d{3} s +\d+/s$`, out)
	require.Regexp(t, `(?m)^latency p99 +\S+ ms$`, out)
	out, err = run(t, "send", "--url", e.URL, "--generate", "1", "--quiet")
	require.NoError(t, err)
	require.Empty(t, out)
}

func TestSend_RetriesWithTheUnit(t *testing.T) {
	e := newEndpoint(t, 500, 500, 500)
	out, err := run(t, "send", "--url", e.URL, "--generate", "1", "--retry-unit", "1us", "--json")
	require.NoError(t, err)
	require.Contains(t, out, `"attempts": 4`)
	require.Len(t, e.deliveries, 4)
}

func TestSend_AccessKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("from a file\n"), 0o600))
	e := newEndpoint(t)
	_, err := run(t, "send", "--url", e.URL, "--generate", "1", "--access-key-file", file)
	require.NoError(t, err)
	require.Equal(t, "from a file", e.deliveries[0].header.Get("X-Amz-Firehose-Access-Key"))
}

func TestSend_Failure(t *testing.T) {
	e := newEndpoint(t)
	f := func(want string, args ...string) {
		t.Helper()
		_, err := run(t, append([]string{"send", "--url", e.URL}, args...)...)
		require.ErrorContains(t, err, want)
	}
	f("either capture files or --generate")
	f("either capture files or --generate", "--generate", "1", "file")
	f("must be positive", "--generate", "-1")
	f("must be positive", "--generate", "1", "--repeat", "0")
	f("no such file", "absent.jsonl")
	f("--buffer-size 65", "--generate", "1", "--buffer-size", "65")
	f("buffer of 10001 records", "--generate", "1", "--buffer-records", "10001")
	f("connections", "--generate", "1", "--connections", "-1")
	f("--header", "--generate", "1", "--header", "no colon")
	f("--timestamp", "--generate", "1", "--timestamp", "noon")
	f("--start", "--generate", "1", "--start", "noon")
	f("unknown shape", "--generate", "1", "--shape", "xml")
	f("unknown CloudWatch shape", "--cloudwatch-shape", "zip", "file")
	f("cannot read access key", "--generate", "1", "--access-key-file", "absent")
	f("retry duration", "--generate", "1", "--retry-duration", "3h")
	f(`unknown kind of traffic "pods"; want containers or controlplane`, "--generate", "1", "--traffic", "pods")
	f("--pods goes with --traffic containers only", "--generate", "1", "--traffic", "controlplane", "--pods", "3")
	f("--clusters goes with --traffic controlplane only", "--generate", "1", "--clusters", "3")
	f("number of clusters -1 is not between", "--generate", "1", "--traffic", "controlplane", "--clusters", "-1")
	f("unknown CloudWatch shape", "--generate", "1", "--traffic", "controlplane", "--cloudwatch-shape", "zip")
	f("is no AWS region", "--generate", "1", "--traffic", "controlplane", "--region", "here")
	require.Empty(t, e.deliveries)

	_, err := run(t, "send", "--generate", "1")
	require.ErrorContains(t, err, `"url" not set`)
	_, err = run(t, "send", "--url", "host/path", "--generate", "1")
	require.ErrorContains(t, err, "not an http or https URL")
}

func TestSize(t *testing.T) {
	f := func(n int64, want string) {
		t.Helper()
		require.Equal(t, want, size(n))
	}
	f(0, "0 B")
	f(999, "999 B")
	f(1000, "1.0 kB")
	f(1_234_567, "1.2 MB")
	f(5_000_000_000_000_000, "5000.0 TB")
}

func TestProgressLine(t *testing.T) {
	line := progressLine(standin.Summary{
		Deliveries: 3, Records: 30, RawBytes: 4500, Attempts: 5, RecordsPerSecond: 12.3,
		Outcomes: map[standin.Outcome]int{standin.Accepted: 2},
	})
	require.Equal(t, "3 deliveries, 30 records, 4.5 kB, 12 records/s, 2 retries, 1 not accepted", line)
}
