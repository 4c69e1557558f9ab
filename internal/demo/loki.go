package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/grafana/alloy/eks/internal/lokisink"
	"github.com/grafana/alloy/eks/internal/process"
)

// lokiConfig makes a single Loki that keeps everything in one folder, is ready at
// once and takes lines of any age: those of the demo are as old as the captures.
const lokiConfig = `
auth_enabled: false
analytics: {reporting_enabled: false}
server:
  http_listen_address: 127.0.0.1
  http_listen_port: %[2]s
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: %[3]s
  log_level: warn
frontend: {address: 127.0.0.1, scheduler_dns_lookup_period: 50ms}
frontend_worker: {dns_lookup_duration: 50ms}
query_scheduler: {use_scheduler_ring: false}
common:
  ring: {instance_addr: 127.0.0.1, kvstore: {store: inmemory}}
  replication_factor: 1
  path_prefix: %[1]q
schema_config:
  configs: [{from: 2020-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}]
storage_config: {filesystem: {directory: %[1]q}}
ingester:
  # Half of it is how far a line may lie behind the newest of its stream.
  max_chunk_age: 876000h
  lifecycler: {min_ready_duration: 0s, join_after: 0s, final_sleep: 0s}
querier: {query_ingesters_within: 0}
limits_config:
  reject_old_samples: false
  max_line_size: 0
  max_query_length: 0
  split_queries_by_interval: 0
  # A stream that is cut into shards can hold the same entry twice.
  shard_streams: {enabled: false}
  ingestion_rate_mb: 100
  ingestion_burst_size_mb: 100
  per_stream_rate_limit: 100MB
  per_stream_rate_limit_burst: 100MB
`

// loki is build/loki at work.
type loki struct {
	*process.Process
	url string
}

// startLoki runs Loki with its data in dir until it is stopped.
func startLoki(ctx context.Context, root, dir string) (*loki, error) {
	free, err := process.FreeAddresses(2)
	if err != nil {
		return nil, err
	}
	var ports []any
	for _, address := range free {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	config := filepath.Join(dir, "loki.yaml")
	text := fmt.Appendf(nil, lokiConfig, append([]any{filepath.Join(dir, "loki")}, ports...)...)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, fmt.Errorf("cannot write the configuration of Loki: %w", err)
	}
	p, err := process.Start("Loki", process.Command(ctx, nil, filepath.Join(root, "build", "loki"), "-config.file="+config), new(process.Output))
	if err != nil {
		return nil, fmt.Errorf("%w: `make build/loki` builds it", err)
	}
	l := &loki{Process: p, url: "http://" + free[0]}
	if err := l.Await(ctx, process.Ready(ctx, l.url+"/ready")); err != nil {
		l.End()
		return nil, err
	}
	return l, nil
}

// result is what Loki answers to a query: one stream of lines, or one number.
// https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time
type result struct {
	Stream map[string]string   `json:"stream"`
	Values [][]json.RawMessage `json:"values"` // Time, line, and what is no label.
	Metric map[string]string   `json:"metric"`
	Value  []any               `json:"value"` // Time and number.
}

// query asks Loki for what was written from oldest until now.
func (l *loki) query(ctx context.Context, path, logQL string, parameters url.Values) ([]result, error) {
	parameters.Set("query", logQL)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+"/loki/api/v1/"+path+"?"+parameters.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	// Structured metadata comes apart from the labels then.
	req.Header.Set("X-Loki-Response-Encoding-Flags", "categorize-labels")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot query Loki: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("cannot query Loki: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("cannot query Loki for %s: %s: %s", logQL, resp.Status, body)
	}
	var answer struct{ Data struct{ Result []result } }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("cannot read Loki's answer to %s: %w", logQL, err)
	}
	return answer.Data.Result, nil
}

// lines returns at most limit lines, the oldest first.
func (l *loki) lines(ctx context.Context, logQL string, limit int) ([]entry, error) {
	streams, err := l.query(ctx, "query_range", logQL, url.Values{
		"start":     {oldest.Format(time.RFC3339)},
		"end":       {time.Now().Add(time.Minute).UTC().Format(time.RFC3339)},
		"limit":     {strconv.Itoa(limit)},
		"direction": {"forward"},
	})
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, s := range streams {
		for _, v := range s.Values {
			e, err := lokiEntry(s.Stream, v)
			if err != nil {
				return nil, fmt.Errorf("cannot read Loki's answer to %s: %w", logQL, err)
			}
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func lokiEntry(labels map[string]string, value []json.RawMessage) (entry, error) {
	e := entry{Labels: labels}
	var nanos string
	var more struct{ StructuredMetadata map[string]string }
	for i, into := range []any{&nanos, &e.Line, &more} {
		if i >= len(value) {
			break
		}
		if err := json.Unmarshal(value[i], into); err != nil {
			return e, err
		}
	}
	e.Metadata = more.StructuredMetadata
	var err error
	e.Nanos, err = strconv.ParseInt(nanos, 10, 64)
	return e, err
}

// maxLines is how many lines Loki returns at once by default: more than a capture
// has.
const maxLines = 5000

// pushURL implements destination.
func (l *loki) pushURL() string { return l.url + lokisink.PushPath }

// stop implements destination.
func (l *loki) stop() { l.End() }

// ofCapture implements destination.
func (l *loki) ofCapture(ctx context.Context, capture string) ([]entry, error) {
	return l.lines(ctx, fmt.Sprintf("{%s=%q}", captureLabel, capture), maxLines)
}
