package floor

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/stretchr/testify/require"

	"github.com/grafana/loki/pkg/push"
)

// deliver sends records to a floor and returns what it has pushed.
func deliver(t *testing.T, kind Kind, compress bool, records ...string) (pushed []push.PushRequest, status int) {
	t.Helper()
	var bodies [][]byte
	loki := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		bodies = append(bodies, b)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer loki.Close()
	h, err := New(kind, loki.URL)
	require.NoError(t, err)
	server := httptest.NewServer(h)
	defer server.Close()

	var body bytes.Buffer
	body.WriteString(`{"requestId":"1","timestamp":1,"records":[`)
	for i, record := range records {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"data":"%s"}`, base64.StdEncoding.EncodeToString([]byte(record)))
	}
	body.WriteString(`]}`)
	sent := body.Bytes()
	if compress {
		sent = squeeze(t, body.String())
	}
	// Twice, so that memory is used again.
	for range 2 {
		req, err := http.NewRequest(http.MethodPost, server.URL, bytes.NewReader(sent))
		require.NoError(t, err)
		if compress {
			req.Header.Set("Content-Encoding", "gzip")
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		status = resp.StatusCode
	}
	for _, packed := range bodies {
		message, err := snappy.Decode(nil, packed)
		require.NoError(t, err)
		var request push.PushRequest
		require.NoError(t, request.Unmarshal(message))
		pushed = append(pushed, request)
	}
	return pushed, status
}

func squeeze(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestHandler_Containers(t *testing.T) {
	at := time.Date(2026, time.August, 20, 9, 58, 53, 927142000, time.UTC)
	want := push.PushRequest{Streams: []push.Stream{
		{
			Labels:  `{app="web", cluster="shop-production", container="nginx", environment="production", namespace="shop", pod="web-1", region="us-east-1"}`,
			Entries: []push.Entry{{Timestamp: at, Line: `say "hé", F`}, {Timestamp: at.Add(1), Line: ""}},
		},
		{Labels: `{cluster="shop-production", environment="production", region="us-east-1"}`, Entries: []push.Entry{{Timestamp: at, Line: "x"}}},
	}}
	web := `"kubernetes":{"pod_name":"web-1","namespace_name":"shop","labels":{"app.kubernetes.io/name":"web","tier":"a}\"b"},"container_name":"nginx"}}`
	for _, compress := range []bool{false, true} {
		pushed, status := deliver(t, Containers, compress,
			`{"log":"2026-08-20T09:58:53.927142Z stderr F say \"h\u00e9\", F",`+web+"\n",
			`{"log":"2026-08-20T09:58:53.927142Z stdout F x"}`,
			`{`+web[:len(web)-1]+`,"log":"2026-08-20T09:58:53.927142001Z stdout F "}`,
		)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, []push.PushRequest{want, want}, pushed)
	}
}

func TestHandler_ControlPlane(t *testing.T) {
	const millis = 1787219933000 // 2026-08-20T09:58:53Z
	message := func(name string, lines ...string) string {
		events := []map[string]any{}
		for _, line := range lines {
			events = append(events, map[string]any{"id": "1", "timestamp": millis, "message": line})
		}
		text, err := json.Marshal(events)
		require.NoError(t, err)
		return string(squeeze(t, `{"messageType":"DATA_MESSAGE","logGroup":"/aws/eks/shop/cluster","logStream":"`+name+`","subscriptionFilters":["f"],"logEvents":`+string(text)+`}`))
	}
	own := time.UnixMilli(millis).UTC()
	pushed, status := deliver(t, ControlPlane, false,
		message("kube-apiserver-audit-1", `{"a":{"b":"\t"},"stageTimestamp":"2026-08-20T09:58:50.5Z"}`, `{"stageTimestamp":"2026-08-20T09:58:50.5Z"[Truncated...]`),
		message("kube-scheduler-1", "I0820 09:58:52.000001       1 a.go:1] text", "goroutine 1 [running]:"),
		message("authenticator-1", `time="2026-08-20T09:58:51Z" level=info`),
	)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, push.PushRequest{Streams: []push.Stream{
		{Labels: `{cluster="shop", log_type="audit"}`, Entries: []push.Entry{
			{Timestamp: own.Add(-2500 * time.Millisecond), Line: `{"a":{"b":"\t"},"stageTimestamp":"2026-08-20T09:58:50.5Z"}`},
			{Timestamp: own, Line: `{"stageTimestamp":"2026-08-20T09:58:50.5Z"[Truncated...]`},
		}},
		{Labels: `{cluster="shop", log_type="scheduler"}`, Entries: []push.Entry{
			{Timestamp: own.Add(-time.Second + time.Microsecond), Line: "I0820 09:58:52.000001       1 a.go:1] text"},
			{Timestamp: own, Line: "goroutine 1 [running]:"},
		}},
		{Labels: `{cluster="shop", log_type="authenticator"}`, Entries: []push.Entry{
			{Timestamp: own.Add(-2 * time.Second), Line: `time="2026-08-20T09:58:51Z" level=info`},
		}},
	}}, pushed[1])
}

func TestHandler_Failure(t *testing.T) {
	f := func(kind Kind, record string) {
		t.Helper()
		pushed, status := deliver(t, kind, false, record)
		require.Equal(t, http.StatusBadRequest, status)
		require.Empty(t, pushed)
	}
	f(Containers, `text`)
	f(Containers, `{"log":"2026-08-20T09:58:53.927142Z`)
	f(Containers, `{"log":"text"}`)
	f(Containers, `{"log":"yesterday stdout F text"}`)
	f(ControlPlane, `{}`)
	f(ControlPlane, string(squeeze(t, `{"logGroup":"/aws/lambda/f","logStream":"s","logEvents":[]}`)))
	_, err := New("none", "")
	require.ErrorContains(t, err, `unknown kind of records "none"`)
}

// The standard library is what text is compared with.
func FuzzText(f *testing.F) {
	for _, seed := range []string{``, `plain`, `\"\\\/\b\f\n\r\t`, `h\u00e9`, `\ud83d\ude00!`, `\ud83d`, `\ud83dx\ude00`, `a\u0000b`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, inside string) {
		value := []byte(`"` + inside + `"`)
		var want string
		if json.Unmarshal(value, &want) != nil || !json.Valid(value) || !bytes.Equal(value, bytes.ToValidUTF8(value, nil)) {
			return
		}
		got, err := text(value)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	})
}

func TestReadTime(t *testing.T) {
	for _, stamp := range []string{"2026-08-20T09:58:53Z", "2026-08-20T09:58:53.9Z", "2024-02-29T23:59:59.999999999Z", "1999-12-31T00:00:00.000000001Z"} {
		want, err := time.Parse(time.RFC3339Nano, stamp)
		require.NoError(t, err)
		got, err := readTime([]byte(stamp))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, stamp := range []string{"", "2026-08-20T09:58:53", "2026-08-20T09:58:53+01:00"} {
		_, err := readTime([]byte(stamp))
		require.Error(t, err)
	}
}
