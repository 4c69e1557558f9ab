package main

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

// newStore returns a store whose sink works in this process.
func newStore(t *testing.T) *store {
	t.Helper()
	server := httptest.NewServer(new(sink).handler())
	t.Cleanup(server.Close)
	stays, err := start(t.Context(), nil, nil, "/bin/sleep", "60") // The process that would write to it.
	require.NoError(t, err)
	t.Cleanup(stays.Kill)
	return &store{child: stays, url: server.URL}
}

func post(t *testing.T, url string, body []byte) int {
	t.Helper()
	resp, err := http.Post(url, "application/x-protobuf", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

func TestSink(t *testing.T) {
	s := newStore(t)
	at := time.Unix(1, 2)
	message, err := (&push.PushRequest{Streams: []push.Stream{
		{Labels: `{app="a"}`, Entries: []push.Entry{{Timestamp: at, Line: "one"}, {Timestamp: at.Add(1), Line: "three"}}},
		{Labels: `{app="b"}`, Entries: []push.Entry{{Timestamp: at, Line: ""}}},
	}}).Marshal()
	require.NoError(t, err)
	body := snappy.Encode(nil, message)

	require.Equal(t, http.StatusNoContent, post(t, s.url+lokiPushPath, body))
	got, err := s.totals(t.Context())
	require.NoError(t, err)
	require.Equal(t, totals{Requests: 1, Streams: 2, Entries: 3, Bytes: 8}, got)
	kept, err := s.entries(t.Context())
	require.NoError(t, err)
	require.Empty(t, kept)

	require.NoError(t, s.reset(t.Context(), true))
	require.Equal(t, http.StatusNoContent, post(t, s.url+lokiPushPath, body))
	require.Equal(t, http.StatusNoContent, post(t, s.url+lokiPushPath, body))
	kept, err = s.entries(t.Context())
	require.NoError(t, err)
	want := []entry{{`{app="a"}`, 1e9 + 2, "one"}, {`{app="a"}`, 1e9 + 3, "three"}, {`{app="b"}`, 1e9 + 2, ""}}
	want = append(want, want...)
	require.Equal(t, want, kept)
	got, err = s.settled(t.Context(), s.child, 6, time.Hour)
	require.NoError(t, err)
	require.Equal(t, totals{Requests: 2, Streams: 4, Entries: 6, Bytes: 16, Sum: sumOf(want...)}, got)
	// Nothing more comes.
	got, err = s.settled(t.Context(), s.child, 7, 0)
	require.NoError(t, err)
	require.Equal(t, 6, got.Entries)
}

func TestSink_Failure(t *testing.T) {
	s := newStore(t)
	require.Equal(t, http.StatusBadRequest, post(t, s.url+lokiPushPath, []byte("\xff")))
	require.Equal(t, http.StatusBadRequest, post(t, s.url+lokiPushPath, []byte("\x01\x00\xff")))
	got, err := s.totals(t.Context())
	require.NoError(t, err)
	require.Zero(t, got)

	s.Kill()
	_, err = s.settled(t.Context(), s.child, 1, time.Hour)
	require.ErrorContains(t, err, "has ended")
}
