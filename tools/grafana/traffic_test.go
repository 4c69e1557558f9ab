package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// send delivers to a component with the stand-in for Firehose, once.
func (s *stack) send(t *testing.T, to string, args ...string) error {
	t.Helper()
	require.Contains(t, s.sources, to)
	args = append([]string{"send", "--quiet", "--retry-duration=0s", "--url=http://" + s.sources[to], "--access-key=" + accessKey}, args...)
	out, err := run(t, "firehose", args...)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// event is the truth about a line of a control plane, as far as it matters here.
type event struct {
	Cluster             string            `json:"cluster"`
	LogType             string            `json:"log_type"`
	Level               string            `json:"level"`
	Message             string            `json:"message"`
	Fields              map[string]string `json:"fields"`
	Denied              bool              `json:"denied"`
	Exec                bool              `json:"exec"`
	SecretRead          bool              `json:"secret_read"`
	Headless            bool              `json:"headless"`
	AuthenticatorDenied bool              `json:"authenticator_denied"`
}

// generateLogs writes the logs of control planes of the last minutes into a capture,
// and returns the truth about them.
func generateLogs(t *testing.T) (capture string, events []event) {
	t.Helper()
	dir := t.TempDir()
	capture, truth := filepath.Join(dir, "capture.jsonl"), filepath.Join(dir, "truth.jsonl")
	const span = 2 * time.Minute
	out, err := run(t, "firehose", "generate", "--traffic=controlplane", "--records=1200", "--oversized=0.002", "--cut-at=32768", "--seed=7",
		"--start="+time.Now().Add(-span).Format(time.RFC3339), "--output="+capture, "--truth="+truth)
	require.NoError(t, err, out)
	file, err := os.Open(truth)
	require.NoError(t, err)
	defer file.Close()
	for decoder := json.NewDecoder(bufio.NewReader(file)); decoder.More(); {
		var ev event
		require.NoError(t, decoder.Decode(&ev))
		events = append(events, ev)
	}
	return capture, events
}

// capture writes records into a file for the stand-in.
func capture(t *testing.T, records ...string) string {
	t.Helper()
	var lines strings.Builder
	for _, r := range records {
		fmt.Fprintf(&lines, "{\"data_base64\":%q}\n", base64.StdEncoding.EncodeToString([]byte(r)))
	}
	return write(t, t.TempDir(), "capture.jsonl", lines.String())
}

// auditCapture writes audit events into one.
func auditCapture(t *testing.T, events ...auditEvent) string {
	t.Helper()
	var text strings.Builder
	for _, ev := range events {
		message, err := json.Marshal(ev.json())
		require.NoError(t, err)
		line, err := json.Marshal(map[string]any{
			"logGroupName": "/aws/eks/orchard-prod/cluster", "logStreamName": "kube-apiserver-audit-0123456789abcdef0123456789abcdef",
			"timestamp": time.Now().UnixMilli(), "message": string(message),
		})
		require.NoError(t, err)
		text.Write(line)
		text.WriteByte('\n')
	}
	return write(t, t.TempDir(), "capture.jsonl", text.String())
}

// auditEvent is what a client makes the API server write.
type auditEvent struct {
	user, verb, resource, namespace, uri, agent, address string
	code                                                 int
}

func (a auditEvent) json() map[string]any {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	decision := "allow"
	if a.code == http.StatusForbidden {
		decision = "forbid"
	}
	return map[string]any{
		"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "5d1f2f3a-0000-4000-8000-000000000000",
		"stage": "ResponseComplete", "requestURI": a.uri, "verb": a.verb,
		"user": map[string]any{
			"username": a.user, "groups": []string{"system:unauthenticated"},
			"extra": map[string]any{"arn": []string{"arn:aws:sts::111122223333:assumed-role/pipeline/" + a.agent}},
		},
		"sourceIPs": []string{a.address}, "userAgent": a.agent,
		"objectRef":                map[string]any{"resource": a.resource, "namespace": a.namespace, "apiVersion": "v1"},
		"responseStatus":           map[string]any{"metadata": map[string]any{}, "code": a.code},
		"requestReceivedTimestamp": now, "stageTimestamp": now,
		"annotations": map[string]any{"authorization.k8s.io/decision": decision, "authorization.k8s.io/reason": ""},
	}
}

// floodSize is more than the series that Loki returns.
const floodSize = 700

// flood are the requests of somebody who makes up what can be made up, and of more
// nodes and sessions than anybody can look at.
func flood() []auditEvent {
	var events []auditEvent
	for i := range floodSize {
		n := strconv.Itoa(i)
		ev := auditEvent{
			user: "system:anonymous", verb: "verb" + n, resource: "resource" + n, namespace: "namespace" + n, uri: "/api/v1/resource" + n,
			agent: "agent" + n + "/1.0", address: fmt.Sprintf("198.51.%d.%d", 100+i/250, i%250), code: http.StatusForbidden,
		}
		events = append(events, ev)
		ev.user = "system:node:ip-10-0-0-" + n + ".ec2.internal"
		events = append(events, ev)
		ev.user, ev.verb, ev.code = "arn:aws:sts::111122223333:assumed-role/pipeline/job-"+n, "get", http.StatusOK
		ev.resource, ev.namespace = "pods", "default"
		events = append(events, ev)
	}
	return events
}

// cause makes all the trouble that can be made. It is called twice, because what
// was never counted before has no rate.
func (s *stack) cause(t *testing.T) {
	t.Helper()
	// Nobody lets these in: a wrong key, as often as it takes, no such path, and what
	// is no delivery.
	for range 25 {
		s.post(t, "DEFAULT", "/", "{", http.StatusUnauthorized, "X-Amz-Firehose-Access-Key", "wrong")
	}
	s.post(t, "DEFAULT", "/elsewhere", "{}", http.StatusNotFound)
	s.post(t, "DEFAULT", "/", "{", http.StatusBadRequest)
	// Records without a time, one that is damaged, one of CloudWatch Logs' checks.
	s.post(t, "DEFAULT", "/", `{"requestId":"r","timestamp":`+strconv.FormatInt(time.Now().UnixMilli(), 10)+`,"records":[`+strings.Repeat(`{"data":"*"},`, 50)+`{}]}`, http.StatusOK,
		"X-Amz-Firehose-Common-Attributes", "{")
	require.NoError(t, s.send(t, "CONTROLPLANE", capture(t, `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":0,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}`)))
	require.NoError(t, s.send(t, "CONTROLPLANE", auditCapture(t,
		auditEvent{user: "system:anonymous", verb: "list", resource: "secrets", uri: "/api/v1/secrets", agent: "curl/8", address: "198.51.100.7", code: http.StatusOK},
		auditEvent{user: "somebody", verb: "get", resource: "pods", uri: "/api/v1/pods", agent: "unwanted", address: "198.51.100.7", code: http.StatusOK})))
	// Lines without a time, lines of two hours ago, and a Loki that takes no line.
	require.NoError(t, s.send(t, "STRICT", capture(t, "a line without a time", "another one")))
	require.NoError(t, s.send(t, "STRICT", "--generate=20", "--start="+time.Now().Add(-2*time.Hour).Format(time.RFC3339)))
	// A Loki that is gone, for who waits for it and for who does not.
	require.Error(t, s.send(t, "WAITING", "--generate=1"))
	require.NoError(t, s.send(t, "FORWARDING", "--generate=5"))
}

// connections are as many as the component full takes, and more than have room.
const connections = 8

// fill takes all the connections and all the room of a component whose Loki does not
// answer, until the test ends. Each connection brings another stream's delivery,
// because one stream does not get all of the room, and those that find none try
// again.
func (s *stack) fill(t *testing.T) {
	t.Helper()
	var clients sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() {
		stop()
		clients.Wait()
	})
	for n := range connections {
		client := &http.Client{Transport: new(http.Transport)}
		headers := deliveryHeaders("X-Amz-Firehose-Source-Arn", fmt.Sprintf("arn:aws:firehose:us-east-1:111122223333:deliverystream/%d", n))
		clients.Go(func() {
			ticker := time.NewTicker(tick)
			defer ticker.Stop()
			for ctx.Err() == nil {
				request, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.sources["FULL"], strings.NewReader(`{"requestId":"r","records":[{"data":"YQ=="}]}`))
				request.Header = headers
				if response, err := client.Do(request); err == nil {
					_, _ = io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
				<-ticker.C
			}
			client.CloseIdleConnections()
		})
	}
}

// deliveryHeaders are those of a delivery, and others, as name, value, name, value.
func deliveryHeaders(others ...string) http.Header {
	header := http.Header{}
	header.Set("X-Amz-Firehose-Request-Id", "r")
	header.Set("X-Amz-Firehose-Protocol-Version", "1.0")
	header.Set("X-Amz-Firehose-Access-Key", accessKey)
	for i := 0; i < len(others); i += 2 {
		header.Set(others[i], others[i+1])
	}
	return header
}

// post sends a body and checks the status of the answer.
func (s *stack) post(t *testing.T, to, path, body string, status int, headers ...string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.sources[to]+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header = deliveryHeaders(headers...)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, status, response.StatusCode)
}
