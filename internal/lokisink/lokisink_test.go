package lokisink

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/stretchr/testify/require"

	"github.com/grafana/loki/pkg/push"
)

func post(s *Sink, path string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("X-Scope-OrgID", "shop")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestSink_Success(t *testing.T) {
	request := push.PushRequest{Streams: []push.Stream{{
		Labels: `{app="web", stream="stdout"}`,
		Entries: []push.Entry{
			{Timestamp: time.Unix(1, 2), Line: "one"},
			{Timestamp: time.Unix(3, 4), Line: "two", StructuredMetadata: push.LabelsAdapter{{Name: "pod", Value: "web-1"}}},
		},
	}}}
	body, err := request.Marshal()
	require.NoError(t, err)
	body = snappy.Encode(nil, body)
	s := new(Sink)
	require.Equal(t, http.StatusNoContent, post(s, PushPath, body).Code)

	labels := map[string]string{"app": "web", "stream": "stdout"}
	want := []Entry{
		{Labels: labels, Metadata: map[string]string{}, Nanos: 1_000_000_002, Line: "one", Tenant: "shop", Path: PushPath},
		{Labels: labels, Metadata: map[string]string{"pod": "web-1"}, Nanos: 3_000_000_004, Line: "two", Tenant: "shop", Path: PushPath},
	}
	require.Equal(t, want, s.Entries())

	require.Equal(t, http.StatusNoContent, post(s, "/other", body).Code)
	require.Equal(t, want, s.At(PushPath))
	require.Len(t, s.At("/other"), 2)

	s.Down.Store(true)
	require.Equal(t, http.StatusServiceUnavailable, post(s, PushPath, body).Code)
	require.Len(t, s.Entries(), 4)
}

func TestSink_Failure(t *testing.T) {
	f := func(body, message string) {
		t.Helper()
		s := new(Sink)
		w := post(s, PushPath, []byte(body))
		require.Equal(t, http.StatusBadRequest, w.Code)
		require.Contains(t, w.Body.String(), message)
		require.Empty(t, s.Entries())
	}
	f("\xff", "cannot decompress push request")
	f("\x01\x00\xff", "cannot read push request")
}

func TestParseLabels(t *testing.T) {
	f := func(text string, want map[string]string) {
		t.Helper()
		require.Equal(t, want, parseLabels(text))
	}
	f(`{}`, map[string]string{})
	f(`{app="web", stream="stdout"}`, map[string]string{"app": "web", "stream": "stdout"})
	f(`{a="\"x\", b=\"y\"", c="\\"}`, map[string]string{"a": `"x", b="y"`, "c": `\`})
}
