package recipes

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/subscription"
)

const (
	nginxLine = `10.0.3.7 - - [21/Nov/2026:10:05:11 +0000] "GET /orders?page=2 HTTP/1.1" 200 612 "https://shop.example.com/" "Mozilla/5.0 (X11; Linux x86_64)"`
	nginxData = `"data":{"remote":"10.0.3.7","host":"-","user":"-","method":"GET","path":"/orders?page=2","code":"200","size":"612","referer":"https://shop.example.com/","agent":"Mozilla/5.0 (X11; Linux x86_64)"}`
	logGroups = "/aws/containerinsights/orchard/"
	node      = "ip-10-0-3-7.eu-north-1.compute.internal"
)

// kubernetes is the metadata of the container that an app has, as Fluent Bit adds
// it.
func kubernetes(app string) string {
	return fmt.Sprintf(`"kubernetes":{"pod_name":"%[1]s-7d9c5b8f6d-x2x7k","namespace_name":"shop","pod_id":"0d7f6b52-1b1f-4f5e-8a39-27e5c3b5a101","labels":{"app":"%[1]s"},"host":"%[2]s","container_name":"%[1]s","docker_id":"5f1b9d3e7a64c280","container_hash":"registry.example.com/%[1]s@sha256:0f5e","container_image":"registry.example.com:5000/%[1]s:1.27"}`, app, node)
}

// logEvents is the record of a log group's events, as CloudWatch Logs hands them to
// Firehose.
func logEvents(t *testing.T, group, stream string, at time.Time, texts ...string) []byte {
	t.Helper()
	m := subscription.Message{LogGroup: group, LogStream: stream}
	for _, text := range texts {
		m.Events = append(m.Events, subscription.Event{Time: at.UnixMilli(), Text: text})
	}
	record, err := subscription.NewEncoder(subscription.Gzip).AppendRecord(nil, m)
	require.NoError(t, err)
	return record
}

func TestCloudWatch(t *testing.T) {
	t.Parallel()
	loki := startLoki(t)
	a := startAlloy(t, onLoopback(t, recipe(t, "cloudwatch.alloy"), ""), nil, "LOKI_URL="+loki.url, "FIREHOSE_ACCESS_KEY="+accessKey)

	begin := ago(time.Minute)
	at := func(second int) time.Time { return begin.Add(time.Duration(second) * time.Second) }
	text := func(second int) string { return at(second).Format(time.RFC3339Nano) }
	klog := "E" + at(3).Format("0102 15:04:05.000000") + `    3311 pod_workers.go:1301] "Error syncing pod, skipping" pod="shop/nginx"`
	const host = `"az":"eu-north-1a","ec2_instance_id":"i-0fedcba9876543210"`
	require.Equal(t, http.StatusOK, deliver(t, a.endpoint(),
		// Keep_Log On, and Off.
		logEvents(t, "fluentbit-cloudwatch", "from-fluentbit-kube.nginx", at(0), fmt.Sprintf(`{"log":%q,"stream":"stdout","time":"%s",%s,%s}`, nginxLine+"\n", text(0), nginxData, kubernetes("nginx"))),
		logEvents(t, "fluentbit-cloudwatch", "from-fluentbit-kube.nginx", at(1), fmt.Sprintf(`{"stream":"stdout","time":"%s",%s,%s}`, text(1), nginxData, kubernetes("nginx"))),
		logEvents(t, logGroups+"application", "ip-10-0-3-7-application.cart", at(2), fmt.Sprintf(`{"time":"%s","stream":"stderr","_p":"F","log":"{\"level\":\"warn\",\"item\":17}","log_processed":{"level":"warn","item":17},%s}`, text(2), kubernetes("cart"))),
		logEvents(t, logGroups+"dataplane", "ip-10-0-3-7-dataplane.systemd.kubelet.service", at(3), fmt.Sprintf(`{"hostname":"ip-10-0-3-7","systemd_unit":"kubelet.service","message":%q,%s}`, klog, host)),
		logEvents(t, logGroups+"host", "ip-10-0-3-7.host.messages", at(3).Truncate(time.Second), fmt.Sprintf(`{"host":"ip-10-0-3-7","ident":"kubelet","message":%q,%s}`, klog, host)),
		logEvents(t, logGroups+"host", "ip-10-0-3-7.host.messages", at(4).Truncate(time.Second), `{"host":"ip-10-0-3-7","ident":"chronyd","pid":"812","message":"Selected source 169.254.169.123",`+host+`}`),
		logEvents(t, logGroups+"performance", node, at(5),
			fmt.Sprintf(`{"ClusterName":"orchard","NodeName":"%s","PodName":"nginx","Timestamp":"%d","Type":"Pod","Version":"0",%s,"pod_cpu_utilization":12.5,"pod_memory_utilization":3.25}`, node, at(5).UnixMilli(), kubernetes("nginx")),
			fmt.Sprintf(`{"ClusterName":"orchard","NodeName":"%s","Timestamp":"%d","Type":"Node","Version":"0","node_cpu_utilization":41.5,"node_memory_utilization":60}`, node, at(5).UnixMilli()),
		),
	))
	a.await(loki.has(5))
	a.await(a.metric(`container_insights_node_cpu_utilization{`, `cluster="orchard"`, `node="`+node+`"`, `type="Node"`, `} 41.5`))
	a.await(a.metric(`container_insights_pod_memory_utilization{`, `namespace="shop"`, `pod="nginx-7d9c5b8f6d-x2x7k"`, `type="Pod"`, `} 3.25`))

	got := loki.taken()
	require.Len(t, got, 5, "kubelet's line of the host is dropped, and performance is metrics")
	fields := map[string]string{
		"agent": "Mozilla/5.0 (X11; Linux x86_64)", "code": "200", "method": "GET", "path": "/orders?page=2",
		"referer": "https://shop.example.com/", "remote": "10.0.3.7", "size": "612",
	}
	for i, line := range []string{nginxLine, "{" + nginxData + "}"} {
		require.Equal(t, line, got[i].Line)
		require.Equal(t, at(i).UnixNano(), got[i].Nanos)
		require.Equal(t, map[string]string{"app": "nginx", "container": "nginx", "namespace": "shop", "service_name": "nginx", "stream": "stdout"}, got[i].Labels)
		require.Subset(t, got[i].Metadata, fields)
		require.Equal(t, "cri", got[i].Metadata["timestamp_source"])
	}
	require.Equal(t, `{"level":"warn","item":17}`, got[2].Line)
	require.Equal(t, at(2).UnixNano(), got[2].Nanos)
	require.Subset(t, got[2].Labels, map[string]string{"cluster": "orchard", "log_type": "application", "container": "cart"})
	require.Equal(t, "warn", got[2].Metadata["level"])
	require.Equal(t, klog, got[3].Line)
	require.Equal(t, at(3).Truncate(time.Microsecond).UnixNano(), got[3].Nanos)
	require.Equal(t, map[string]string{"cluster": "orchard", "log_type": "dataplane", "service_name": "kubelet.service"}, got[3].Labels)
	require.Equal(t, "Selected source 169.254.169.123", got[4].Line)
	require.Equal(t, map[string]string{"cluster": "orchard", "log_type": "host", "service_name": "chronyd"}, got[4].Labels)
}

// Performance records stay entries when nothing drops them.
func TestCloudWatch_PerformanceKept(t *testing.T) {
	t.Parallel()
	loki := startLoki(t)
	config := recipe(t, "cloudwatch.alloy")
	last, end := strings.LastIndex(config, "\tstage.match {"), strings.Index(config, `loki.write "`)
	require.Positive(t, last)
	a := startAlloy(t, onLoopback(t, config[:last]+"}\n"+config[end:], ""), nil, "LOKI_URL="+loki.url, "FIREHOSE_ACCESS_KEY="+accessKey)

	at := ago(time.Minute).Truncate(time.Millisecond)
	record := fmt.Sprintf(`{"ClusterName":"orchard","NodeName":"%s","Timestamp":"%d","Type":"Node","Version":"0","node_cpu_utilization":41.5}`, node, at.UnixMilli())
	require.Equal(t, http.StatusOK, deliver(t, a.endpoint(), logEvents(t, logGroups+"performance", node, at.Add(time.Second), record)))
	a.await(loki.has(1))
	got := loki.taken()[0]
	require.Equal(t, record, got.Line)
	require.Equal(t, at.UnixNano(), got.Nanos, "when it was measured")
	require.Equal(t, map[string]string{"cluster": "orchard", "log_type": "performance", "service_name": "unknown_service"}, got.Labels)
	a.await(a.metric(`container_insights_node_cpu_utilization{`, `} 41.5`))
}

// metric returns nil once a sample has all of some parts.
func (a *alloy) metric(parts ...string) func() error {
	return func() error {
		resp, err := http.Get(a.url + "/metrics")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
	samples:
		for sample := range strings.Lines(string(text)) {
			for _, part := range parts {
				if !strings.Contains(sample, part) {
					continue samples
				}
			}
			return nil
		}
		return fmt.Errorf("no sample has all of %q ", parts)
	}
}
