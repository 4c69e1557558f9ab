package recipes

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/docpage"
)

const apiKey = "key-of-datadog"

// fargate is a record of Fluent Bit on Fargate.
func fargate(at time.Time, line string) []byte {
	return fmt.Appendf(nil, `{"log":%q,%s}`, at.Format(time.RFC3339Nano)+" stdout F "+line, kubernetes("cart"))
}

// standardTags are those that Datadog's own code makes of what it is sent.
var standardTags = []string{
	"container_id:5f1b9d3e7a64c280", "container_name:cart", "image_name:registry.example.com:5000/cart", "image_tag:1.27", "kube_app_name:cart",
	"kube_cluster_name:prod", "kube_container_name:cart", "kube_namespace:shop", "pod_name:cart-7d9c5b8f6d-x2x7k", "service:cart",
}

func TestDatadog(t *testing.T) {
	t.Parallel()
	datadog := startDatadog(t)
	a := startAlloy(t, onLoopback(t, recipe(t, "datadog.alloy"), ""), nil,
		"FIREHOSE_ACCESS_KEY="+accessKey, "DATADOG_OTLP_URL="+datadog.url, "DATADOG_API_KEY="+apiKey)
	at := ago(time.Minute)
	require.Equal(t, http.StatusOK, deliver(t, a.endpoint(), fargate(at, `level=error msg="no such item"`), fargate(at.Add(time.Second), "bye")))
	a.await(datadog.has(2))
	got := datadog.taken()
	require.Len(t, got, 2)
	for i, line := range []string{`level=error msg="no such item"`, "bye"} {
		require.Equal(t, line, got[i].line)
		require.Equal(t, at.Add(time.Duration(i)*time.Second).UnixNano(), got[i].nanos)
		require.ElementsMatch(t, standardTags, got[i].tags)
		require.Equal(t, map[string]any{"stream": "stdout", "timestamp_source": "cri"}, got[i].fields)
		require.Equal(t, node+"-prod", got[i].host)
	}
	require.Equal(t, []string{"error", ""}, []string{got[0].severity, got[1].severity})
	require.Equal(t, map[string]bool{apiKey: true}, datadog.keys)
}

// lines are records of as many lines, each a nanosecond after the one before, and
// with a padding of some bytes.
func lines(from time.Time, n, padding int) [][]byte {
	var all [][]byte
	for i := range n {
		all = append(all, fargate(from.Add(time.Duration(i)), fmt.Sprintf("line %d %s", i, strings.Repeat("-", padding))))
	}
	return all
}

// both runs a configuration that has Loki and Datadog behind it. More blocks of
// its source are limits, for example.
func both(t *testing.T, config, more string) (*alloy, *loki, *datadog) {
	t.Helper()
	loki, datadog := startLoki(t), startDatadog(t)
	a := startAlloy(t, onLoopback(t, config, more), nil,
		"LOKI_URL="+loki.url, "FIREHOSE_ACCESS_KEY="+accessKey, "DATADOG_OTLP_URL="+datadog.url, "DATADOG_API_KEY="+apiKey)
	return a, loki, datadog
}

// One that is down does not stop the other, and gets what it has missed.
func TestLokiAndDatadog_Apart(t *testing.T) {
	t.Parallel()
	a, loki, datadog := both(t, recipe(t, "loki-and-datadog.alloy"), "")
	at, endpoint := ago(time.Minute), a.endpoint()

	loki.Down.Store(true)
	require.Equal(t, http.StatusOK, deliver(t, endpoint, fargate(at, "one")))
	const queue = 10 << 20 // Of loki.write, which is not what holds all of this.
	many := lines(at.Add(time.Minute/2), 1000, 2*queue/1000)
	require.Equal(t, http.StatusOK, deliver(t, endpoint, many...))
	a.await(datadog.has(1 + len(many)))
	datadog.down.Store(true)
	loki.Down.Store(false)
	require.Equal(t, http.StatusOK, deliver(t, endpoint, fargate(at.Add(time.Second), "two")))
	a.await(loki.has(2 + len(many)))
	datadog.down.Store(false)
	a.await(datadog.has(2 + len(many)))

	entries, records := loki.taken(), datadog.taken()
	require.Len(t, entries, 2+len(many))
	require.Len(t, records, 2+len(many))
	for i, line := range []string{"one", "two"} {
		e, r := entries[i], records[i]
		require.Equal(t, []string{line, line}, []string{e.Line, r.line})
		require.Equal(t, []int64{at.Add(time.Duration(i) * time.Second).UnixNano(), r.nanos}, []int64{e.Nanos, e.Nanos})
		require.ElementsMatch(t, standardTags, r.tags)
		require.Equal(t, map[string]string{"cluster": "prod", "namespace": "shop", "container": "cart", "app": "cart", "service_name": "cart", "stream": "stdout"}, e.Labels)
		require.Equal(t, "cart-7d9c5b8f6d-x2x7k", e.Metadata["pod"], "the write-ahead log keeps structured metadata")
	}
}

// together is the recipe with what its page says for those who want that neither
// gets ahead of the other.
func together(t *testing.T) string {
	t.Helper()
	config := recipe(t, "loki-and-datadog.alloy")
	blocks := docpage.ReadFile(t, root+"/docs/recipes/datadog.md").Code
	require.Len(t, blocks, 1)
	begin := strings.Index(config, "// The write-ahead log")
	end := strings.Index(config, `otelcol.receiver.loki "`)
	require.Positive(t, begin)
	return replace(t, config[:begin]+blocks[0]+"\n"+config[end:],
		"loki.write.default.receiver", "loki.write_sync.default.receiver",
		"block_on_overflow = false", "block_on_overflow = true")
}

// Whichever is down, Firehose keeps the logs of both.
func TestLokiAndDatadog_Together(t *testing.T) {
	t.Parallel()
	// A small queue is full soon.
	config := replace(t, together(t), "queue_size        = 200000", "queue_size = 100", "= 1000\n", "= 10\n")
	a, loki, datadog := both(t, config, "\n\tlimits {\n\t\tdelivery_timeout = \"3s\"\n\t}\n")
	at, endpoint := ago(time.Minute), a.endpoint()

	loki.Down.Store(true)
	require.Equal(t, http.StatusServiceUnavailable, deliver(t, endpoint, fargate(at, "one")))
	loki.Down.Store(false)
	require.Equal(t, http.StatusOK, deliver(t, endpoint, fargate(at, "one")))
	a.await(datadog.has(1))
	require.Len(t, loki.taken(), 1)
	require.Len(t, datadog.taken(), 1, "it got nothing of what Loki had refused")

	datadog.down.Store(true)
	many := lines(at, 1000, 0)
	require.Equal(t, http.StatusServiceUnavailable, deliver(t, endpoint, many...))
	require.Len(t, loki.taken(), 1+len(many), "Loki is asked first")
}

// Without that the queue drops what it has no room for, and says 200.
func TestLokiAndDatadog_Full(t *testing.T) {
	t.Parallel()
	config := replace(t, recipe(t, "loki-and-datadog.alloy"), "queue_size        = 200000", "queue_size = 100", "= 1000\n", "= 10\n")
	a, loki, datadog := both(t, config, "")
	datadog.down.Store(true)
	at := ago(time.Minute)
	many := lines(at, 1000, 0)
	require.Equal(t, http.StatusOK, deliver(t, a.endpoint(), many...))
	a.await(loki.has(len(many)))
	a.logged("sending queue is full")
}
