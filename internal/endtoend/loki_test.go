package endtoend

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

// lokiConfig makes a single Loki that keeps everything in one folder, needs no
// warming up and talks to nobody. Each test is a tenant of its own.
const lokiConfig = `
auth_enabled: true
analytics: {reporting_enabled: false}
server:
  http_listen_address: 127.0.0.1
  http_listen_port: %[2]s
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: %[3]s
  grpc_server_max_recv_msg_size: 134217728
  grpc_server_max_send_msg_size: 134217728
  graceful_shutdown_timeout: 5s
  log_level: warn
# Without these three it is ready after ten seconds, the time between two
# look-ups of its own address.
frontend: {address: 127.0.0.1, scheduler_dns_lookup_period: 50ms}
frontend_worker: {dns_lookup_duration: 50ms}
query_scheduler: {use_scheduler_ring: false}
common:
  ring: {instance_addr: 127.0.0.1, kvstore: {store: inmemory}}
  replication_factor: 1
  path_prefix: %[1]s
schema_config:
  configs: [{from: 2020-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}]
storage_config: {filesystem: {directory: %[1]s/chunks}}
ingester:
  lifecycler: {min_ready_duration: 0s, join_after: 0s, final_sleep: 0s}
%[4]s
`

// lenient lets a Loki take what was written at any time and show it as it was
// sent. Half of max_chunk_age is how far a line may lie behind its stream.
// Streams are not cut in shards, in which the same entry can be twice.
const lenient = `  max_chunk_age: 876000h
querier: {query_ingesters_within: 0}
limits_config:
  reject_old_samples: false
  creation_grace_period: 876000h
  max_line_size: 0
  max_query_length: 0
  max_query_series: 100000
  split_queries_by_interval: 0
  shard_streams: {enabled: false}
  max_global_streams_per_user: 0
  ingestion_rate_mb: 1000
  ingestion_burst_size_mb: 1000
  per_stream_rate_limit: 1GB
  per_stream_rate_limit_burst: 1GB
  discover_service_name: []
  discover_log_levels: false
`

// byDefault leaves the limits of Loki as they are, but for a query over all times.
const byDefault = `querier: {query_ingesters_within: 0}
limits_config: {max_query_length: 0, split_queries_by_interval: 0}
`

// loki is a Loki that runs, or did.
type loki struct {
	running
	address string
	config  string // Its file.
	disk    *disk  // What it stores on; nil for the machine's.
}

// startLoki starts a Loki in the folder.
func startLoki(dir, limits string) (*loki, error) { return startLokiOn(nil, dir, dir, limits) }

// startLokiOn starts a Loki with its configuration in one folder and all else in
// another one, over which a disk may be mounted.
func startLokiOn(d *disk, dir, storage, limits string) (*loki, error) {
	l := &loki{config: filepath.Join(dir, "loki.yaml"), disk: d}
	return l, process.OnFreeAddresses(2, func(addresses []string) error {
		l.address, l.log = addresses[0], new(process.Output)
		text := fmt.Sprintf(lokiConfig, storage, portOf(addresses[0]), portOf(addresses[1]), limits)
		if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
			return err
		}
		return l.start()
	})
}

// start starts a Loki that does not run, with what it has stored.
func (l *loki) start() error {
	p, err := launch(l.disk, l.log, "loki", "-config.file="+l.config)
	if err != nil {
		return err
	}
	l.running = p
	if err := l.await(func() error { return get(nil, "http://"+l.address+"/ready", nil) }); err != nil {
		l.Kill()
		return err
	}
	return nil
}

// await waits until ready returns no error. It fails when Loki ends before.
func (l *loki) await(ready func() error) error { return l.Await(context.Background(), ready) }

func (l *loki) pushURL() string { return "http://" + l.address + "/loki/api/v1/push" }

// shared is the Loki of all tests that do not need one of their own.
var shared struct {
	sync.Mutex
	*loki
	dir string
}

// sharedLoki returns the shared Loki and, for each test, a tenant in it.
func sharedLoki(t *testing.T) *tenant {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.loki == nil {
		var err error
		shared.dir, err = os.MkdirTemp("", "endtoend-loki-")
		require.NoError(t, err)
		shared.loki, err = startLoki(shared.dir, lenient)
		require.NoError(t, err)
	}
	return newTenant(t, shared.loki)
}

func stopSharedLoki() error {
	if shared.dir == "" {
		return nil
	}
	defer os.RemoveAll(shared.dir)
	if shared.loki == nil || shared.Process == nil {
		return nil
	}
	return shared.Stop()
}

// ownLoki returns a tenant of a Loki that no other test uses.
func ownLoki(t *testing.T, limits string) *tenant {
	t.Helper()
	l, err := startLoki(t.TempDir(), limits)
	require.NoError(t, err)
	t.Cleanup(func() { l.Kill() })
	return newTenant(t, l)
}

// tenant is one of Loki's tenants.
type tenant struct {
	*loki
	id string
}

// tenantID replaces what Loki takes in no tenant's name and Go in those of tests.
var tenantID = strings.NewReplacer("/", "-", ",", "-")

// newTenant returns the tenant of a test. What Loki has logged during the test is
// shown when the test fails.
func newTenant(t *testing.T, l *loki) *tenant {
	t.Helper()
	before := len(l.log.String())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of Loki:\n%s", l.log.String()[before:])
		}
	})
	return &tenant{loki: l, id: tenantID.Replace(t.Name())}
}

// named returns another tenant of the same Loki.
func (n *tenant) named(name string) *tenant { return &tenant{loki: n.loki, id: n.id + "-" + name} }

// entry is what Loki returns.
type entry struct {
	Labels   map[string]string
	Metadata map[string]string // Structured metadata.
	Nanos    int64
	Line     string
}

// everything selects all entries that the distribution has made.
const everything = `{service_name=~".+"}`

// pageSize is how many entries Loki returns at once by default.
const pageSize = 5000

// All entries were written within these bounds: the bundled captures are of August
// 2026. Loki looks at each day of them, so they are not wider than necessary.
var (
	oldest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	newest = max(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano(), time.Now().AddDate(0, 0, 2).UnixNano())
)

// entries returns all entries of the streams, the oldest first. They are as Loki
// has them: two equal ones are two.
func (n *tenant) entries(t *testing.T, selector string) []entry {
	t.Helper()
	return n.entriesBetween(t, selector, oldest, newest)
}

// entriesBetween does the same for other bounds.
func (n *tenant) entriesBetween(t *testing.T, selector string, from, to int64) []entry {
	t.Helper()
	var all []entry
	for {
		page, err := n.page(selector, from, to)
		require.NoError(t, err)
		if len(page) < pageSize {
			return append(all, page...)
		}
		// What has the time of the last one may go on in the next page.
		last := page[len(page)-1].Nanos
		require.Greater(t, last, from, "more than a page of entries have one time")
		for len(page) > 0 && page[len(page)-1].Nanos == last {
			page = page[:len(page)-1]
		}
		all, from = append(all, page...), last
	}
}

func (n *tenant) count(t *testing.T, selector string) int {
	t.Helper()
	return len(n.entries(t, selector))
}

// page returns the first entries between two times, in their order.
func (n *tenant) page(selector string, from, to int64) ([]entry, error) {
	query := url.Values{
		"query":     {selector},
		"start":     {strconv.FormatInt(from, 10)},
		"end":       {strconv.FormatInt(to, 10)},
		"limit":     {strconv.Itoa(pageSize)},
		"direction": {"forward"},
	}
	header := http.Header{
		"X-Scope-Orgid":                  {n.id},
		"X-Loki-Response-Encoding-Flags": {"categorize-labels"},
	}
	var answer struct {
		Data struct {
			Result []struct {
				Stream map[string]string
				Values [][]json.RawMessage
			}
		}
	}
	if err := get(header, "http://"+n.address+"/loki/api/v1/query_range?"+query.Encode(), &answer); err != nil {
		return nil, err
	}
	var page []entry
	for _, s := range answer.Data.Result {
		for _, v := range s.Values {
			e, err := parseEntry(v)
			if err != nil {
				return nil, err
			}
			e.Labels = s.Stream
			page = append(page, e)
		}
	}
	sortByTime(page)
	return page, nil
}

// vector returns the answer to a query for numbers: those of all label sets, as
// they were at that time.
func (n *tenant) vector(t *testing.T, query string, at time.Time) map[string]float64 {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]json.RawMessage
			}
		}
	}
	values := url.Values{"query": {query}, "time": {strconv.FormatInt(at.UnixNano(), 10)}}
	require.NoError(t, n.get("/loki/api/v1/query?"+values.Encode(), &answer), query)
	vector := map[string]float64{}
	for _, r := range answer.Data.Result {
		var text string
		require.NoError(t, json.Unmarshal(r.Value[1], &text))
		value, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		vector[fmt.Sprint(r.Metric)] = value
	}
	return vector
}

// parseEntry reads a value of an answer: time, line, and what else there is.
func parseEntry(value []json.RawMessage) (entry, error) {
	var e entry
	var nanos string
	var extra struct{ StructuredMetadata map[string]string }
	if len(value) != 3 {
		return e, fmt.Errorf("a value of Loki has %d parts", len(value))
	}
	err := errors.Join(json.Unmarshal(value[0], &nanos), json.Unmarshal(value[1], &e.Line), json.Unmarshal(value[2], &extra))
	if err != nil {
		return e, fmt.Errorf("cannot read a value of Loki: %w", err)
	}
	e.Metadata = extra.StructuredMetadata
	e.Nanos, err = strconv.ParseInt(nanos, 10, 64)
	return e, err
}

// difference lists the entries that only one of the two lists has, or has more
// often, each with a plus if the second one does.
func difference(before, after []entry) []string {
	const length = 300
	count := map[string]int{}
	for _, e := range before {
		count[fmt.Sprint(e)]--
	}
	for _, e := range after {
		count[fmt.Sprint(e)]++
	}
	var lines []string
	for text, n := range count {
		if n != 0 {
			lines = append(lines, fmt.Sprintf("%+d %.*q", n, length, text))
		}
	}
	slices.Sort(lines)
	return lines
}

func sortByTime(entries []entry) {
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.Nanos, b.Nanos) })
}

var client = &http.Client{Timeout: patience}

// get reads an answer of status 200 into the value, unless that is nil.
func get(header http.Header, address string, into any) error {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header = header
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d: %s", req.URL.Host+req.URL.Path, resp.StatusCode, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}
