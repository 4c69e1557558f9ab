package main

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

func TestSink_OTLP(t *testing.T) {
	s := newStore(t)
	require.NoError(t, s.reset(t.Context(), true))
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	resource.Resource().Attributes().PutStr("pod", `a"b`)
	resource.Resource().Attributes().PutStr("app", "shop")
	for i, line := range []string{"one", "three"} {
		record := resource.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		record.Body().SetStr(line)
		record.SetTimestamp(pcommon.NewTimestampFromTime(time.Unix(1, int64(i))))
	}
	message, err := plogotlp.NewExportRequestFromLogs(logs).MarshalProto()
	require.NoError(t, err)
	send := func(encoding string, body []byte) int {
		req, err := http.NewRequest(http.MethodPost, s.url+otlpPath+"/v1/logs", bytes.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Encoding", encoding)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	require.Equal(t, http.StatusBadRequest, send("gzip", snappy.Encode(nil, message)))
	require.Equal(t, http.StatusBadRequest, send("snappy", message))
	require.Equal(t, http.StatusBadRequest, send("snappy", snappy.Encode(nil, []byte("text"))))
	require.Equal(t, http.StatusOK, send("snappy", snappy.Encode(nil, message)))
	want := []entry{{`{app="shop", pod="a\"b"}`, 1e9, "one"}, {`{app="shop", pod="a\"b"}`, 1e9 + 1, "three"}}
	kept, err := s.entries(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, kept)
	got, err := s.totals(t.Context())
	require.NoError(t, err)
	require.Equal(t, totals{Requests: 1, Streams: 1, Entries: 2, Bytes: 8, Sum: sumOf(want...)}, got)
}
