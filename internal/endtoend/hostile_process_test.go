package endtoend

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// taken is a configuration whose entries end in the process, so that it is the
// receiving alone that is under test.
func taken(level, format, arguments string) string {
	return fmt.Sprintf(`
logging {
	level  = %q
	format = %q
}

awsfirehose.kubernetes "in" {
	forward_to = [loki.process.end.receiver]
	http {
		listen_address = "127.0.0.1"
		listen_port    = 0
	}
	%s
}

loki.process "end" {
	forward_to = []
}
`, level, format, arguments)
}

// post sends a body and returns the status of the answer, whose form it checks.
func post(address string, body []byte, header map[string]string) (int, error) {
	req, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var answer struct {
		RequestID *string `json:"requestId"`
		Timestamp int64   `json:"timestamp"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, fmt.Errorf("cannot read answer of status %d: %w", resp.StatusCode, err)
	}
	if answer.RequestID == nil || answer.Timestamp == 0 {
		return 0, fmt.Errorf("the answer of status %d is not Firehose's", resp.StatusCode)
	}
	return resp.StatusCode, nil
}

func arn(stream string) string {
	return "arn:aws:firehose:eu-west-1:111122223333:deliverystream/" + stream
}

// largeBody is a delivery of Firehose's largest buffer, 64 MiB, in gzip.
func largeBody(t *testing.T) []byte {
	t.Helper()
	const size, records = 64 << 20, 10_000
	line := `{"log":"2026-08-20T10:00:00.5Z stdout F ` + strings.Repeat("flood ", size/records*3/4/6-60) +
		`","kubernetes":{"pod_name":"web-1","namespace_name":"shop","labels":{"app":"web"},"container_name":"nginx"}}`
	record := `{"data":"` + base64.StdEncoding.EncodeToString([]byte(line)) + `"}`
	body := `{"requestId":"flood","timestamp":1787220000000,"records":[` + strings.Repeat(record+",", records-1) + record + `]}`
	require.InDelta(t, size, len(body), size/16)
	return packed(t, body)
}

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// 64 deliveries of 64 MiB at once, of which two fit: those and the ones that may wait
// are taken and the rest told to come back, the process stays within what
// limits.concurrent_size promises, and a stream that sends little gets through all
// the time.
func TestHostile_FloodOfLargeBodies(t *testing.T) {
	const (
		senders        = 64
		concurrentSize = 384 << 20 // The default.
	)
	a := startText(t, taken("warn", "logfmt", anyAge))
	endpoint := a.endpoint()
	idle, err := a.peak()
	require.NoError(t, err)

	body := largeBody(t)
	var mut sync.Mutex
	statuses := map[int]int{}
	var flood sync.WaitGroup
	for range senders {
		flood.Go(func() {
			status, err := post(endpoint, body, map[string]string{
				"Content-Encoding": "gzip", "X-Amz-Firehose-Request-Id": "flood", "X-Amz-Firehose-Source-Arn": arn("flood"),
			})
			if err != nil {
				t.Error(err)
			}
			mut.Lock()
			statuses[status]++
			mut.Unlock()
		})
	}
	ended := make(chan struct{})
	go func() {
		flood.Wait()
		close(ended)
	}()
	small := []byte(`{"requestId":"small","timestamp":1787220000000,"records":[{"data":"aGVsbG8="}]}`)
	delivered := 0
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
		}
		status, err := post(endpoint, small, map[string]string{
			"X-Amz-Firehose-Request-Id": "small", "X-Amz-Firehose-Source-Arn": arn("small"),
		})
		require.NoError(t, err)
		require.Equal(t, 200, status, "after %d small deliveries", delivered)
		delivered++
	}
	most, err := a.peak()
	require.NoError(t, err)
	t.Logf("%d deliveries of 64 MiB, answers %v; %d small ones beside them, all answered 200; peak RSS %d MiB, idle %d MiB",
		senders, statuses, delivered, most>>20, idle>>20)
	require.Equal(t, senders, statuses[200]+statuses[503])
	require.Positive(t, statuses[200])
	require.Positive(t, statuses[503])
	require.Greater(t, delivered, 1)
	require.Less(t, most, idle+3*concurrentSize)

	// The largest one is taken when it comes alone.
	status, err := post(endpoint, body, map[string]string{"Content-Encoding": "gzip", "X-Amz-Firehose-Request-Id": "flood"})
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Zero(t, a.metric("awsfirehose_kubernetes_panics_total"))
}

// What a sender says of itself makes no line in our own log, in either of its
// formats, also where it is logged in full.
func TestHostile_LogInjection(t *testing.T) {
	const forged = `ts=2026-01-01T00:00:00Z level=error msg="forged"`
	f := func(format string, check func(line string)) {
		t.Helper()
		a := startText(t, taken("debug", format, `
			access_key = "key"
			limits {
				record_size   = "1KiB"
				delivery_size = "64KiB"
			}
		`))
		endpoint := a.endpoint()
		send := func(status int, body string, header map[string]string) {
			t.Helper()
			all := map[string]string{"X-Amz-Firehose-Access-Key": "key"}
			for name, value := range header {
				all[name] = value
			}
			got, err := post(endpoint, []byte(body), all)
			require.NoError(t, err)
			require.Equal(t, status, got)
		}
		hostile, err := json.Marshal("a\n" + forged + "\r\n\x1b[2J\x00\u2028\u0085\u202e\x7f")
		require.NoError(t, err)
		hostile = bytes.ReplaceAll(hostile, []byte("\x7f"), []byte(`\u007f`)) // Which no header could carry.
		packed := base64.StdEncoding.EncodeToString(packed(t, strings.Repeat("x", 1000)))
		send(400, fmt.Sprintf(`{"requestId":%s,"records":[%s{}]}`, hostile, strings.Repeat(`{"data":"`+packed+`"},`, 100)), nil)
		send(400, fmt.Sprintf(`{"requestId":%s,"records":[]}`, hostile), map[string]string{"X-Amz-Firehose-Request-Id": `" ` + forged})
		send(401, `{}`, map[string]string{"X-Amz-Firehose-Access-Key": `" ` + forged, "X-Amz-Firehose-Source-Arn": "\t\u0085\u202e" + forged})
		send(200, fmt.Sprintf(`{"requestId":%s,"records":[{"data":"aGVsbG8="}]}`, hostile), map[string]string{
			"X-Amz-Firehose-Common-Attributes": `{"commonAttributes":{` + string(hostile) + `:5}}`,
		})
		_, err = post(endpoint+"/%0A"+strings.ReplaceAll(forged, " ", "%20")+"?\u2028%1b[2J", nil, nil)
		require.NoError(t, err)
		require.NoError(t, a.await(func() error {
			if n := a.metric("awsfirehose_kubernetes_deliveries_total"); n < 5 {
				return fmt.Errorf("%v deliveries are counted", n)
			}
			return nil
		}))
		require.NoError(t, a.Stop())
		log := a.log.String()
		require.Equal(t, 4, strings.Count(log, "refused a delivery"), "it is logged")
		require.Contains(t, log, "delivery_size", "with the id of the body")
		require.Contains(t, log, "ignored common attributes")
		for line := range strings.Lines(log) {
			line = strings.TrimSuffix(line, "\n")
			require.NotRegexp(t, `[\x00-\x08\x0b-\x1f]`, line)
			require.False(t, strings.HasPrefix(line, forged), line)
			check(line)
		}
	}
	f("logfmt", func(line string) { require.Regexp(t, `^ts=\S+ level=\w+ (source=\S+ )?msg=`, line) })
	f("json", func(line string) { require.True(t, json.Valid([]byte(line)), line) })
}

// Odd paths of Alloy's own server lead to none of the host's files.
func TestHostile_PathsOfTheUI(t *testing.T) {
	a := startText(t, taken("warn", "logfmt", `access_key = "key"`))
	a.endpoint() // Which asks until it listens.
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(a.config), "beside.txt"), []byte("root:beside"), 0o600))
	for _, path := range []string{
		"/../../../../../../etc/passwd", "/public/../../../../../../etc/passwd", "/public/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
		"/%2e%2e/%2e%2e/%2e%2e/etc/passwd", `/..\..\..\etc\passwd`, "//etc/passwd", "/./etc/passwd", "/component/../../../etc/passwd",
		"/api/v0/web/components/../../../../../etc/passwd", "/api/v0/web/components/..%2f..%2fetc%2fpasswd", "/api/v0/component/x/../../../../etc/passwd",
		"/public/%00", "/public/assets/..%5c..%5cetc", "/-/../../beside.txt", "/beside.txt", "/config.alloy", "/debug/pprof/../../../etc/passwd",
	} {
		conn, err := net.Dial("tcp", a.address)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path)
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, path)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.NoError(t, conn.Close())
		require.NotContains(t, string(body), "root:", path)
		require.NotContains(t, string(body), "awsfirehose.kubernetes \"in\"", path)
	}
	require.True(t, a.Running())
}
