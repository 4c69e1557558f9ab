package subscription

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// received is the envelope as a receiver declares it.
type received struct {
	MessageType         string
	Owner               string
	LogGroup            string
	LogStream           string
	SubscriptionFilters []string
	LogEvents           []struct {
		ID        string
		Timestamp int64
		Message   string
	}
}

func message() Message {
	return Message{
		LogGroup:  "/eks/blue/containers",
		LogStream: "from-fluent-bit-web-0",
		Events: []Event{
			{Time: 1787220000123, Text: `{"log":"a <b> & \"c\""}`},
			{Time: 1787220000123, Text: `{"log":"a <b> & \"c\""}`},
			{Time: 1787220000456, Text: "naïve\ttext\n"},
		},
	}
}

func decode(t *testing.T, data []byte) received {
	t.Helper()
	var got received
	require.NoError(t, json.Unmarshal(data, &got))
	return got
}

func TestParseForm(t *testing.T) {
	for _, form := range Forms() {
		got, err := ParseForm(string(form))
		require.NoError(t, err)
		require.Equal(t, form, got)
	}
	_, err := ParseForm("zip")
	require.ErrorContains(t, err, `"zip"`)
}

func TestEncoder_Decompressed(t *testing.T) {
	data, err := NewEncoder(Decompressed).AppendRecord([]byte("before"), message())
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(data, []byte(`before{"messageType":"DATA_MESSAGE","owner":"111122223333",`)))

	got := decode(t, data[len("before"):])
	require.Equal(t, "DATA_MESSAGE", got.MessageType)
	require.Equal(t, Owner, got.Owner)
	require.Equal(t, "/eks/blue/containers", got.LogGroup)
	require.Equal(t, "from-fluent-bit-web-0", got.LogStream)
	require.Equal(t, []string{Filter}, got.SubscriptionFilters)
	require.Len(t, got.LogEvents, 3)
	for i, ev := range message().Events {
		require.Equal(t, ev.Text, got.LogEvents[i].Message)
		require.Equal(t, ev.Time, got.LogEvents[i].Timestamp)
	}
	// CloudWatch does not write \u003c for the signs that HTML reserves.
	require.Contains(t, string(data), `a <b> & `)
}

func TestEncoder_EventID(t *testing.T) {
	data, err := NewEncoder(Decompressed).AppendRecord(nil, message())
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, ev := range decode(t, data).LogEvents {
		id, ok := new(big.Int).SetString(ev.ID, 10)
		require.True(t, ok)
		require.Len(t, ev.ID, 56)
		require.Equal(t, ev.Timestamp, new(big.Int).Rsh(id, 144).Int64())
		require.False(t, seen[ev.ID], "two events share the id %s", ev.ID)
		seen[ev.ID] = true
	}
}

func TestEncoder_SameInputSameBytes(t *testing.T) {
	one, two := NewEncoder(Gzip), NewEncoder(Gzip)
	for range 3 {
		a, err := one.AppendRecord(nil, message())
		require.NoError(t, err)
		b, err := two.AppendRecord(nil, message())
		require.NoError(t, err)
		require.Equal(t, a, b)
	}
}

func TestEncoder_Gzip(t *testing.T) {
	e := NewEncoder(Gzip)
	for range 2 {
		data, err := e.AppendRecord(nil, message())
		require.NoError(t, err)
		r, err := gzip.NewReader(bytes.NewReader(data))
		require.NoError(t, err)
		plain, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Len(t, decode(t, plain).LogEvents, 3)
	}
}

func TestEncoder_Extracted(t *testing.T) {
	data, err := NewEncoder(Extracted).AppendRecord(nil, message())
	require.NoError(t, err)
	require.Equal(t, "{\"log\":\"a <b> & \\\"c\\\"\"}\n{\"log\":\"a <b> & \\\"c\\\"\"}\nnaïve\ttext\n", string(data))
}
