package recipes

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/controlplane"
	"github.com/grafana/alloy/eks/internal/docpage"
	"github.com/grafana/alloy/eks/internal/process"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// archive is the recipe, made quick.
type archive struct {
	dir   string        // Of the queue.
	s3    string        // URL.
	flush time.Duration // A second if it is 0.
	loki  *loki
	// limits goes into the source, and pairs are replaced.
	limits string
	pairs  []string
}

// start runs it.
func (ar archive) start(t *testing.T) *alloy {
	t.Helper()
	address, err := process.FreeAddresses(1)
	require.NoError(t, err)
	config := replace(t, onLoopback(t, recipe(t, "s3-archive.alloy"), ar.limits), append([]string{
		"127.0.0.1:4318", address[0],
		`"1m"`, fmt.Sprintf("%q", cmp.Or(ar.flush, time.Second)),
		"\t\tmax_elapsed_time = ", "\t\tinitial_interval = \"1s\"\n\t\tmax_interval = \"1s\"\n\t\tmax_elapsed_time = ",
	}, ar.pairs...)...)
	return startAlloyIn(t, ar.dir, config, []string{"--stability.level=experimental"},
		append(s3Environment(ar.s3), "LOKI_URL="+ar.loki.url, "FIREHOSE_ACCESS_KEY="+accessKey)...)
}

// archived returns nil once the exporter has written that many lines to S3.
func (a *alloy) archived(lines int) func() error {
	return a.metric(`otelcol_exporter_sent_log_records_total{component_id="otelcol.exporter.awss3.default"`, fmt.Sprintf("} %d\n", lines))
}

// queued returns nil once the queue has taken that many lines.
func (a *alloy) queued(lines int) func() error {
	return a.metric(`otelcol_processor_batch_batch_send_size_sum{component_id="otelcol.processor.batch.s3"`, fmt.Sprintf("} %d\n", lines))
}

// traffic are records of control planes, and the truth about their lines.
func traffic(t *testing.T, messages int, o clustertraffic.Options) (records [][]byte, truth []clustertraffic.Event) {
	t.Helper()
	generator, err := clustertraffic.New(o)
	require.NoError(t, err)
	encoder := subscription.NewEncoder(subscription.Gzip)
	for range messages {
		record, err := encoder.AppendRecord(nil, generator.Next())
		require.NoError(t, err)
		records, truth = append(records, record), append(truth, generator.Events()...)
	}
	return records, truth
}

// lastMidnight is midnight of the day before, of which both sides have passed.
func lastMidnight() time.Time { return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1) }

// recently are options for lines of the last minutes, all of one hour.
func recently() clustertraffic.Options {
	return clustertraffic.Options{Start: time.Now().Add(-time.Minute).Truncate(time.Minute), Oversized: -1}
}

// archiveTable returns the table of the page, and the queries behind its DDL.
func archiveTable(t *testing.T) (*table, []string) {
	t.Helper()
	blocks := docpage.ReadFile(t, filepath.Join(root, "docs", "recipes", "s3-archive.md")).Blocks["sql"]
	require.Len(t, blocks, 2)
	queries := strings.Split(strings.TrimSpace(blocks[1]), ";")
	return readTable(t, blocks[0]), queries[:len(queries)-1]
}

// rowOf is what the table has of a line: all that the truth tells.
func rowOf(ev *clustertraffic.Event) map[string]string {
	at := ev.Time
	if !ev.HasTime {
		at = time.UnixMilli(ev.Millis)
	}
	at = at.UTC()
	row := map[string]string{
		"cluster": ev.Cluster, "log_type": ev.LogType, "date": at.Format(time.DateOnly), "hour": at.Format("15"), "time": at.Format(time.RFC3339Nano),
	}
	if ev.Level != "" {
		row["level"] = ev.Level
	}
	maps.Copy(row, ev.Fields)
	return row
}

// requireRows compares rows with the truth about lines, in any order. A row can
// have more columns: pairs of a line whose names other types have, too, and what
// is no field.
func requireRows(t *testing.T, truth []clustertraffic.Event, rows []map[string]string) {
	t.Helper()
	require.Len(t, rows, len(truth))
	known := func(row map[string]string) string {
		return fmt.Sprint(row["cluster"], row["log_type"], row["date"], row["hour"], row["time"], row["level"])
	}
	left := map[string][]map[string]string{}
	for _, row := range rows {
		left[known(row)] = append(left[known(row)], row)
	}
	var want []map[string]string
	for i := range truth {
		want = append(want, rowOf(&truth[i]))
	}
	// Who has most to compare chooses first.
	slices.SortStableFunc(want, func(a, b map[string]string) int { return cmp.Compare(len(b), len(a)) })
	for _, row := range want {
		candidates := left[known(row)]
		at := slices.IndexFunc(candidates, func(candidate map[string]string) bool {
			for name, value := range row {
				if candidate[name] != value {
					return false
				}
			}
			return true
		})
		require.NotEqual(t, -1, at, "no row has %v\nthere are %v", row, candidates)
		left[known(row)] = slices.Delete(candidates, at, at+1)
	}
}

const (
	everything = "SELECT * FROM eks_control_plane"
	// longest is the length of line that stays as it is, as its JSON form would be
	// longer than Loki takes.
	longest = 256 << 10
	// others are the lines of TestS3Archive that are no generated traffic.
	others = 4
)

// twice is a line that has a name twice.
func twice(at time.Time) string {
	return at.Format("I0102 15:04:05.000000") + `      11 a.go:1] "Twice" pod="a/b" pod="c/d" Pod="e"`
}

// cutOff is a message of CloudWatch Logs that ends in the middle, after a whole
// line. What is left of it becomes a line, too.
func cutOff(at time.Time) []byte {
	return fmt.Appendf(nil, `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/aws/eks/orchard/cluster","logStream":"kube-scheduler-0123456789abcdef0123456789abcdef","subscriptionFilters":["all"],"logEvents":[{"id":"1","timestamp":%d,"message":%q},{"id":"2","message":"I08`, at.UnixMilli(), twice(at))
}

func TestS3Archive(t *testing.T) {
	t.Parallel()
	loki, store := startLoki(t), startMinio(t)
	a := archive{dir: t.TempDir(), s3: store.url, loki: loki}.start(t)
	midnight := lastMidnight()
	// Some lines are longer than 256 KiB as JSON, and stay as they are.
	records, truth := traffic(t, 400, clustertraffic.Options{Clusters: 2, Start: midnight.Add(-time.Hour), Interval: 2 * time.Second, Oversized: 0.01})
	records = append(records, cutOff(midnight), []byte("no log\nat all"))
	require.Equal(t, http.StatusOK, deliver(t, a.endpoint(), records...))
	a.await(a.archived(len(truth) + others))
	require.Len(t, loki.taken(), len(truth)+others)

	tab, queries := archiveTable(t)
	dir := store.download()
	rows := tab.query(t, dir, everything)
	isTraffic := func(row map[string]string) bool { return row["cluster"] != "orchard" && row["cluster"] != "unknown" }
	requireRows(t, truth, slices.DeleteFunc(slices.Clone(rows), func(row map[string]string) bool { return !isTraffic(row) }))
	untouched := 0
	for _, row := range rows {
		if len(row["raw"]) > longest*3/4 {
			untouched++
		}
	}
	require.Greater(t, untouched, 3)
	requireOthers(t, slices.DeleteFunc(slices.Clone(rows), isTraffic), midnight)

	folders, want := map[string]bool{}, map[string]bool{}
	for _, key := range store.keys() {
		m := regexp.MustCompile(`^eks-control-plane/(.*)/\d{8}T\d{6}Z/logs_\d+\.txt\.gz$`).FindStringSubmatch(key)
		require.NotNil(t, m, key)
		folders[m[1]] = true
	}
	for _, row := range rows {
		want[fmt.Sprintf("cluster=%s/log_type=%s/date=%s/hour=%s", row["cluster"], row["log_type"], row["date"], row["hour"])] = true
	}
	require.Equal(t, want, folders)
	requireAnswers(t, truth, midnight, func(n int) []map[string]string {
		return tab.query(t, dir, strings.ReplaceAll(queries[n], "2026-11-21", midnight.Format(time.DateOnly)))
	})
}

// requireOthers compares the rows of what is no generated traffic.
func requireOthers(t *testing.T, rows []map[string]string, midnight time.Time) {
	t.Helper()
	slices.SortFunc(rows, func(a, b map[string]string) int { return cmp.Compare(a["cluster"]+a["msg"], b["cluster"]+b["msg"]) })
	require.Len(t, rows, others)
	require.Equal(t, map[string]string{
		"cluster": "orchard", "log_type": "scheduler", "date": midnight.Format(time.DateOnly), "hour": "00", "time": midnight.Format(time.RFC3339),
		"level": "info", "msg": "Twice", "source_file": "a.go", "source_line": "1", "thread_id": "11",
		"raw": twice(midnight),
	}, rows[1])
	for i, want := range []map[string]string{
		{"cluster": "orchard", "log_type": "scheduler", "raw": `,{"id":"2","message":"I08`},
		rows[1],
		{"cluster": "unknown", "log_type": "unknown", "msg": "at all"},
		{"cluster": "unknown", "log_type": "unknown", "msg": "no log"},
	} {
		require.Subset(t, rows[i], want)
		require.Regexp(t, "^"+rows[i]["date"]+"T"+rows[i]["hour"]+":", rows[i]["time"])
	}
}

// requireAnswers compares answers to the queries of the page with the truth about
// the lines of a day.
func requireAnswers(t *testing.T, truth []clustertraffic.Event, day time.Time, answer func(n int) []map[string]string) {
	t.Helper()
	count := func(is func(ev *clustertraffic.Event) bool) (n int) {
		for i := range truth {
			if row := rowOf(&truth[i]); row["date"] == day.Format(time.DateOnly) && is(&truth[i]) {
				n++
			}
		}
		require.NotZero(t, n)
		return n
	}
	sum := func(rows []map[string]string) (n int) {
		for _, row := range rows {
			lines, err := strconv.Atoi(row["lines"])
			require.NoError(t, err)
			n += lines
		}
		return n
	}
	require.Len(t, answer(0), count(func(ev *clustertraffic.Event) bool { return ev.Fields["decision"] == "forbid" }))
	require.Equal(t, count(func(ev *clustertraffic.Event) bool { return ev.Fields["outcome"] == "denied" }), sum(answer(1)))
	require.Equal(t, count(func(ev *clustertraffic.Event) bool { return ev.Level == "error" }), sum(answer(2)))
}

// S3 is down, and Alloy is killed while it waits for it.
func TestS3Archive_Down(t *testing.T) {
	t.Parallel()
	loki, store := startLoki(t), startMinio(t)
	ar := archive{dir: t.TempDir(), s3: store.url, loki: loki}
	a := ar.start(t)
	records, truth := traffic(t, 40, recently())
	half := len(records) / 2
	require.Equal(t, http.StatusOK, deliver(t, a.endpoint(), records[:half]...))
	before := len(loki.taken())
	a.await(a.archived(before))

	store.server.Kill()
	require.Equal(t, http.StatusOK, deliver(t, a.endpoint(), records[half:]...))
	a.await(a.queued(len(truth)))
	a.logged("Exporting failed. Rejecting data.* component_id=otelcol.exporter.awss3.default .*connection refused")
	a.Kill()
	a = ar.start(t)
	store.start()
	a.await(a.archived(len(truth) - before))

	tab, _ := archiveTable(t)
	requireRows(t, truth, tab.query(t, store.download(), everything))
}

// What S3 has taken of a batch is there twice when it has not taken the rest.
func TestS3Archive_Parts(t *testing.T) {
	t.Parallel()
	loki, store := startLoki(t), startMinio(t)
	const folder, attempts = "log_type=audit", 3
	o := recently()
	o.Clusters = 1
	records, truth := traffic(t, 40, o)
	a := archive{dir: t.TempDir(), s3: refuse(t, store.url, folder, attempts), loki: loki, flush: 3 * time.Second}.start(t)
	require.Equal(t, http.StatusOK, deliver(t, a.endpoint(), records...)) // One batch.

	isRefused := func(logType string) bool { return folder == "log_type="+logType }
	var refused, others []clustertraffic.Event
	for _, ev := range truth {
		if isRefused(ev.LogType) {
			refused = append(refused, ev)
		} else {
			others = append(others, ev)
		}
	}
	a.await(a.archived(len(refused) + 2*len(others)))

	tab, _ := archiveTable(t)
	rows := tab.query(t, store.download(), everything)
	requireRows(t, refused, slices.DeleteFunc(slices.Clone(rows), func(row map[string]string) bool { return !isRefused(row["log_type"]) }))
	requireRows(t, slices.Concat(others, others), slices.DeleteFunc(rows, func(row map[string]string) bool { return isRefused(row["log_type"]) }))
}

// Full, the queue holds back Firehose.
func TestS3Archive_Full(t *testing.T) {
	t.Parallel()
	loki := startLoki(t)
	down, err := process.FreeAddresses(1)
	require.NoError(t, err)
	a := archive{
		dir: t.TempDir(), s3: "http://" + down[0], loki: loki,
		limits: "\n\tlimits {\n\t\tdelivery_timeout = \"3s\"\n\t}\n",
		pairs:  []string{"= 4294967296", "= 300000", "= 8388608", "= 200000"},
	}.start(t)
	records, truth := traffic(t, 200, recently())
	endpoint := a.endpoint()
	require.Equal(t, http.StatusOK, deliver(t, endpoint, records[0]))
	require.Equal(t, http.StatusServiceUnavailable, deliver(t, endpoint, records...))
	a.await(loki.has(len(truth)))
	a.Kill() // It would wait for the queue.
}

// refuse is a proxy in front of S3 that answers for it to a number of uploads
// into a folder.
func refuse(t *testing.T, s3, folder string, uploads int64) string {
	t.Helper()
	target, err := url.Parse(s3)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // It is signed.
	}}
	var left atomic.Int64
	left.Store(uploads)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, folder) && left.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// The columns of the table are what the component documents, and its folders are
// those of the configuration.
func TestS3Archive_Table(t *testing.T) {
	tab, _ := archiveTable(t)
	names := func(columns [][2]string) (all []string) {
		for _, c := range columns {
			all = append(all, c[0])
		}
		return all
	}
	page := docpage.ReadFile(t, filepath.Join(root, "component", "cloudwatch", "ekscontrolplane", "README.md"))
	documented := map[string]bool{"raw": true, "request_object": true, "response_object": true} // In sentences.
	for _, section := range []string{"JSON form", "Audit events", "Lines of Kubernetes components", "Authenticator lines", "EKS Auto Mode and capabilities"} {
		for _, name := range page.Names(section) {
			documented[name] = true
		}
	}
	all := slices.Concat(names(tab.columns), names(tab.partitions))
	require.ElementsMatch(t, slices.Collect(maps.Keys(documented)), slices.DeleteFunc(all, func(name string) bool { return name == "date" || name == "hour" }))
	for _, name := range controlplane.FieldNames() {
		require.True(t, documented[name], name)
	}

	require.Equal(t, []string{"cluster", "log_type", "date", "hour"}, names(tab.partitions))
	require.Equal(t, strings.Join(page.Names("Log types"), ","), tab.properties["projection.log_type.values"])
	format := regexp.MustCompile(`"(cluster=%s[^"]+)", \[(.*?)\]\)`).FindStringSubmatch(recipe(t, "s3-archive.alloy"))
	require.NotNil(t, format)
	template := format[1]
	for _, name := range regexp.MustCompile(`\["(\w+)"\]`).FindAllStringSubmatch(format[2], -1) {
		template = strings.Replace(template, "%s", "${"+name[1]+"}", 1)
	}
	base := regexp.MustCompile(`s3_base_prefix\s+= "(.+)"`).FindStringSubmatch(recipe(t, "s3-archive.alloy"))
	require.NotNil(t, base)
	require.Equal(t, "s3://BUCKET/"+base[1]+"/"+template, tab.properties["storage.location.template"])
}
