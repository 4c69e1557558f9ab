package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/subscription"
)

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func readAll(t *testing.T, r *Reader) []string {
	t.Helper()
	var records []string
	for r.Next() {
		records = append(records, string(r.Record()))
	}
	require.NoError(t, r.Err())
	require.NoError(t, r.Close())
	return records
}

func TestWriter_ReaderGetsTheSameRecords(t *testing.T) {
	want := []string{"", "a", "{\"log\":\"x\"}\n", "\x1f\x8b\x00\xff", strings.Repeat("long ", 200_000)}
	for _, compress := range []bool{false, true} {
		var b bytes.Buffer
		w := NewWriter(&b, compress)
		for _, record := range want {
			require.NoError(t, w.Write([]byte(record)))
		}
		require.NoError(t, w.Close())
		require.Equal(t, want, readAll(t, Open(subscription.Gzip, writeFile(t, "capture", b.String()))))
	}
}

func TestReader_Success(t *testing.T) {
	f := func(content string, want ...string) {
		t.Helper()
		require.Equal(t, want, readAll(t, Open(subscription.Extracted, writeFile(t, "c.jsonl", content))))
	}
	// Nothing at all.
	f("")
	// As Python writes it, with a space, blank lines, and no last newline.
	f("\n{\"data_base64\": \"YQ==\"}\r\n\n{\"data_base64\":\"Yg==\"}", "a", "b")
	// Keys that the quick path does not know.
	f(`{"arrived":1,"data_base64":"YQ=="}`, "a")
	// An escaped solidus inside of base64.
	f(`{"data_base64":"\/\/\/\/"}`, "\xff\xff\xff")
	// CloudWatch events of one stream come in one record; another stream starts a new one.
	f(`{"logGroupName":"g","logStreamName":"s","timestamp":1,"message":"one"}
{"logGroupName":"g","logStreamName":"s","timestamp":2,"message":"two\n"}
{"logGroupName":"g","logStreamName":"t","timestamp":3,"message":"three"}
{"logGroupName":"h","logStreamName":"t","timestamp":3,"message":""}
`, "one\ntwo\n", "three\n", "\n")
	// Records stay in their place between events, in both ways of reading them.
	f(`{"logGroupName":"g","logStreamName":"s","timestamp":1,"message":"one"}
{"data_base64":"YQ=="}
{"logGroupName":"g","logStreamName":"s","timestamp":1,"message":"two"}
{"x":0,"data_base64":"Yg=="}
{"data_base64":"Yw=="}
`, "one\n", "a", "two\n", "b", "c")
}

func TestReader_Failure(t *testing.T) {
	f := func(content, want string) {
		t.Helper()
		r := Open(subscription.Gzip, writeFile(t, "c.jsonl", content))
		for r.Next() {
			require.NotNil(t, r.Record())
		}
		require.ErrorContains(t, r.Err(), want)
		require.False(t, r.Next())
		require.NoError(t, r.Close())
	}
	f("{\"data_base64\":\"YQ==\"}\nplain text", "line 2")
	f(`{"data_base64":"Y"}`, "line 1: illegal base64")
	f(`{"log":"a Fluent Bit record"}`, "neither a Firehose record nor a CloudWatch event")
	f(`{"logStreamName":"s","message":"no time"}`, "neither")
	f("\x1f\x8bnot gzip", "cannot read capture")
	f(strings.Repeat("x", maxLine+1), ErrLineTooLong.Error())
}

func TestReader_MissingFile(t *testing.T) {
	r := Open(subscription.Gzip, writeFile(t, "c.jsonl", `{"data_base64":"YQ=="}`), filepath.Join(t.TempDir(), "absent"))
	require.True(t, r.Next())
	require.False(t, r.Next())
	require.ErrorIs(t, r.Err(), os.ErrNotExist)
}

func TestReader_SeveralFilesInOrder(t *testing.T) {
	a := writeFile(t, "a", `{"data_base64":"YQ=="}`)
	b := writeFile(t, "b", "")
	c := writeFile(t, "c", `{"data_base64":"Yw=="}`)
	require.Equal(t, []string{"a", "c"}, readAll(t, Open(subscription.Gzip, a, b, c)))

	cloudWatch := writeFile(t, "d", `{"logGroupName":"g","logStreamName":"s","timestamp":1,"message":"one"}`)
	require.Equal(t, []string{"a", "one\n", "c"}, readAll(t, Open(subscription.Extracted, a, cloudWatch, c)))
}

// TestReader_CloudWatchMessageIsBounded checks that a long run of one stream is
// cut into several messages and that no event is lost at the cuts.
func TestReader_CloudWatchMessageIsBounded(t *testing.T) {
	const events = 2*maxMessageEvents + 7
	var b strings.Builder
	for i := range events {
		fmt.Fprintf(&b, `{"logGroupName":"g","logStreamName":"s","timestamp":%d,"message":"m%d"}`+"\n", i+1, i)
	}
	large := strings.Repeat("y", maxMessageText/2)
	for range 3 {
		fmt.Fprintf(&b, `{"logGroupName":"g","logStreamName":"s","timestamp":9,"message":"%s"}`+"\n", large)
	}

	var counts []int
	var texts []string
	for _, record := range readAll(t, Open(subscription.Decompressed, writeFile(t, "c", b.String()))) {
		var envelope struct{ LogEvents []struct{ Message string } }
		require.NoError(t, json.Unmarshal([]byte(record), &envelope))
		counts = append(counts, len(envelope.LogEvents))
		for _, ev := range envelope.LogEvents {
			texts = append(texts, ev.Message)
		}
	}
	require.Equal(t, []int{maxMessageEvents, maxMessageEvents, 8, 2}, counts)
	require.Len(t, texts, events+3)
	for i := range events {
		require.Equal(t, fmt.Sprintf("m%d", i), texts[i])
	}
}

// TestReader_CommittedCaptures reads the real Fluent Bit captures of the
// repository: every one must be readable to its end.
func TestReader_CommittedCaptures(t *testing.T) {
	f := func(name string, want int) {
		t.Helper()
		records := readAll(t, Open(subscription.Decompressed, filepath.Join("..", "..", "testdata", "fluentbit", name)))
		require.Len(t, records, want)
	}
	f("fargate-default.jsonl.gz", 319)
	f("simple-aggregation.jsonl.gz", 9)
	f("compression-zstd.jsonl.gz", 283)
}

func FuzzQuickRecord(f *testing.F) {
	f.Add([]byte(`{"data_base64":"YQ=="}`))
	f.Add([]byte(`{"data_base64": ""}`))
	f.Add([]byte(`{"data_base64":"YQ==","data_base64":"Yg=="}`))
	f.Add([]byte(`{"data_base64":"\u0061"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		data, ok := quickRecord(line)
		if !ok {
			return
		}
		quick, err := base64.StdEncoding.DecodeString(string(data))
		if err != nil {
			return
		}
		// encoding/json is the oracle: what the quick path takes must mean the same there.
		var l cloudWatchLine
		require.NoError(t, json.Unmarshal(line, &l))
		slow, err := base64.StdEncoding.DecodeString(*l.DataBase64)
		require.NoError(t, err)
		require.Equal(t, quick, slow)
	})
}
