package subscription

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// marshal is what encoding/json makes of a string without escaping HTML.
func marshal(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(s))
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{
		"", "plain", `"\/`, "\b\f\n\r\t\x00\x1f\x7f", "<a> & b", "naïve µs \u2028\u2029\u2030 😀", "\xff", "a\xe2\x80", "\xed\xa0\x80",
		`{"msg":"say \"x\""}`, "\ufffd",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, "x"+marshal(t, s), string(appendString([]byte("x"), s)))
	})
}

func FuzzAppendDecimal(f *testing.F) {
	f.Add(uint64(0), uint64(0), uint64(0), uint64(0))
	f.Add(uint64(0), uint64(0), uint64(0), uint64(9_999_999_999_999_999_999))
	f.Add(uint64(0), uint64(0), uint64(0), uint64(10_000_000_000_000_000_000))
	f.Add(uint64(0), uint64(0), uint64(1), uint64(0))
	f.Add(^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0))
	f.Fuzz(func(t *testing.T, a, b, c, d uint64) {
		var bytes []byte
		for _, n := range [...]uint64{a, b, c, d} {
			bytes = binary.BigEndian.AppendUint64(bytes, n)
		}
		require.Equal(t, new(big.Int).SetBytes(bytes).String(), string(appendDecimal(nil, [4]uint64{a, b, c, d})))
	})
}

func TestEncoder_Centralised(t *testing.T) {
	m := message()
	m.Owner, m.Account, m.Region = "777788889999", "444455556666", "eu-west-3"
	data, err := NewEncoder(Decompressed).AppendRecord(nil, m)
	require.NoError(t, err)
	var got struct {
		Owner     string
		LogEvents []struct{ ExtractedFields map[string]string }
	}
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, "777788889999", got.Owner)
	require.Len(t, got.LogEvents, 3)
	for _, ev := range got.LogEvents {
		require.Equal(t, map[string]string{"@aws.account": "444455556666", "@aws.region": "eu-west-3"}, ev.ExtractedFields)
	}
}

func TestEncoder_WithoutEvents(t *testing.T) {
	data, err := NewEncoder(Decompressed).AppendRecord(nil, Message{})
	require.NoError(t, err)
	require.Equal(t, `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"","logStream":"","subscriptionFilters":["to-firehose"],"logEvents":[]}`, string(data))
}

func TestEncoder_Allocations(t *testing.T) {
	m, enc := message(), NewEncoder(Gzip)
	var record []byte
	require.Zero(t, testing.AllocsPerRun(100, func() { record, _ = enc.AppendRecord(record[:0], m) }))
}

// TestEncoder_GoldenID pins the ids: captures of the same input were written
// before.
func TestEncoder_GoldenID(t *testing.T) {
	enc := NewEncoder(Decompressed)
	f := func(want string) {
		t.Helper()
		data, err := enc.AppendRecord(nil, Message{LogGroup: "g", LogStream: "s", Events: []Event{{Time: 1787220000123, Text: "x"}}})
		require.NoError(t, err)
		require.Equal(t, want, decode(t, data).LogEvents[0].ID)
	}
	f("39856337836465395984106098837429773000433268321068487043")
	f("39856337836476179944711203678967722150782793597988281195")
}
