package recipes

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/DataDog/datadog-agent/pkg/opentelemetry-mapping-go/otlp/attributes"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// logRecord is one of OTLP.
type logRecord struct {
	// tags and host are what Datadog's own code makes of the resource.
	tags     []string
	host     string
	fields   map[string]any
	severity string
	nanos    int64
	line     string
}

// datadog takes logs by OTLP in the place of Datadog, or refuses them while it is
// down. It is safe for concurrent use.
type datadog struct {
	url  string
	down atomic.Bool

	mu      sync.Mutex
	records []logRecord
	keys    map[string]bool
}

func startDatadog(t *testing.T) *datadog {
	t.Helper()
	d := &datadog{keys: map[string]bool{}}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/logs", d)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// taken returns what has been sent, by time.
func (d *datadog) taken() []logRecord {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(d.records), func(a, b logRecord) int { return cmp.Compare(a.nanos, b.nanos) })
}

// has returns nil once n records have been sent.
func (d *datadog) has(n int) func() error {
	return func() error {
		if got := len(d.taken()); got < n {
			return fmt.Errorf("%w to Datadog: %d of %d records", errTooFew, got, n)
		}
		return nil
	}
}

func (d *datadog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	records, err := readLogs(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	d.records = append(d.records, records...)
	d.keys[r.Header.Get("Dd-Api-Key")] = true
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.WriteHeader(http.StatusOK) // An empty answer is that of OTLP for success.
}

func readLogs(r *http.Request) ([]logRecord, error) {
	logs, err := readExport(r)
	if err != nil {
		return nil, err
	}
	var records []logRecord
	for _, of := range logs.ResourceLogs().All() {
		host, _ := attributes.SourceFromAttrs(of.Resource().Attributes(), nil)
		for _, scope := range of.ScopeLogs().All() {
			for _, l := range scope.LogRecords().All() {
				records = append(records, logRecord{
					tags: attributes.TagsFromAttributes(of.Resource().Attributes()), host: host.Identifier,
					fields: l.Attributes().AsRaw(), severity: l.SeverityText(), nanos: l.Timestamp().AsTime().UnixNano(), line: l.Body().AsString(),
				})
			}
		}
	}
	return records, nil
}

var errEncoding = errors.New("this is not how logs are sent")

// readExport returns the logs of a request.
func readExport(r *http.Request) (plog.Logs, error) {
	request := plogotlp.NewExportRequest()
	if got := r.Header.Get("Content-Type"); got != "application/x-protobuf" {
		return request.Logs(), fmt.Errorf("%w: %q", errEncoding, got)
	}
	body := io.Reader(r.Body)
	switch got := r.Header.Get("Content-Encoding"); got {
	case "":
	case "gzip":
		plain, err := gzip.NewReader(r.Body)
		if err != nil {
			return request.Logs(), fmt.Errorf("cannot decompress logs: %w", err)
		}
		body = plain
	default:
		return request.Logs(), fmt.Errorf("%w: %q", errEncoding, got)
	}
	message, err := io.ReadAll(body)
	if err != nil {
		return request.Logs(), fmt.Errorf("cannot decompress logs: %w", err)
	}
	if err := request.UnmarshalProto(message); err != nil {
		return request.Logs(), fmt.Errorf("cannot read logs: %w", err)
	}
	return request.Logs(), nil
}
