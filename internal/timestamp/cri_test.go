package timestamp

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTryCRIPrefix_Success(t *testing.T) {
	f := func(in, wantTime, wantStream, wantTag, wantText string) {
		t.Helper()
		nanos, stream, tag, text, ok := TryCRIPrefix([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, wantTime, time.Unix(0, nanos).UTC().Format(time.RFC3339Nano), in)
		require.Equal(t, wantStream, stream, in)
		require.Equal(t, wantTag, string(tag), in)
		require.Equal(t, wantText, string(text), in)
	}
	f("2026-03-04T05:06:07.123456789Z stdout F cart emptied", "2026-03-04T05:06:07.123456789Z", Stdout, "F", "cart emptied")
	f("2026-03-04T05:06:07.123456789Z stderr P half a li", "2026-03-04T05:06:07.123456789Z", Stderr, "P", "half a li")

	// Trimmed fractions, none, too many digits.
	f("2026-03-04T05:06:07.12345678Z stdout F x", "2026-03-04T05:06:07.12345678Z", Stdout, "F", "x")
	f("2026-03-04T05:06:07.5Z stdout F x", "2026-03-04T05:06:07.5Z", Stdout, "F", "x")
	f("2026-03-04T05:06:07Z stdout F x", "2026-03-04T05:06:07Z", Stdout, "F", "x")
	f("2026-03-04T05:06:07.1234567891Z stdout F x", "2026-03-04T05:06:07.123456789Z", Stdout, "F", "x")

	// The node's zone.
	f("2026-03-04T05:06:07.123456789+00:00 stdout F x", "2026-03-04T05:06:07.123456789Z", Stdout, "F", "x")
	f("2026-03-04T05:06:07.123456789+08:00 stdout F x", "2026-03-03T21:06:07.123456789Z", Stdout, "F", "x")
	f("2026-03-04T05:06:07-0330 stderr F x", "2026-03-04T08:36:07Z", Stderr, "F", "x")
	f("2026-03-04t05:06:07z stderr F x", "2026-03-04T05:06:07Z", Stderr, "F", "x")

	// The content is taken as it is.
	f("2026-03-04T05:06:07Z stdout F ", "2026-03-04T05:06:07Z", Stdout, "F", "")
	f("2026-03-04T05:06:07Z stdout F", "2026-03-04T05:06:07Z", Stdout, "F", "")
	f("2026-03-04T05:06:07Z stdout F   \tat frame ", "2026-03-04T05:06:07Z", Stdout, "F", "  \tat frame ")
	f("2026-03-04T05:06:07Z stdout F two\nlines\n", "2026-03-04T05:06:07Z", Stdout, "F", "two\nlines\n")

	// More tags.
	f("2026-03-04T05:06:07Z stdout F:gzip:x text", "2026-03-04T05:06:07Z", Stdout, "F:gzip:x", "text")
	f("2026-03-04T05:06:07Z stdout P: text", "2026-03-04T05:06:07Z", Stdout, "P:", "text")
	f("2026-03-04T05:06:07Z stdout P:k", "2026-03-04T05:06:07Z", Stdout, "P:k", "")
}

func TestTryCRIPrefix_Failure(t *testing.T) {
	for _, in := range []string{
		"", "cart emptied", "2026-03-04T05:06:07Z", "2026-03-04T05:06:07Z stdout", "2026-03-04T05:06:07Z stdout ",
		"2026-03-04T05:06:07.123456789Z", "2026-03-04T05:06:07.123456789 stdout F x", "2026-03-04 05:06:07Z stdout F x",
		"2026-03-04T05:06:07Z stdin F some text", "2026-03-04T05:06:07Z stdout X some text", "2026-03-04T05:06:07Z stdout Full text",
		"2026-03-04T05:06:07Z  stdout F some text", "2026-03-04T05:06:07Z stdoutF some text", "2026-03-04T05:06:07Z STDOUT F some text",
		"2026-03-04T05:06:07Z stdout F\ttext", "2026-03-04T05:06:07Z stdout F:a\ttext", "2026-02-29T05:06:07Z stdout F text",
		"2026-03-04T05:06:07+8 stdout F text", "2026-03-04T05:06:07.Z stdout F text", "{\"log\":\"2026-03-04T05:06:07Z stdout F x\"}",
	} {
		_, _, _, _, ok := TryCRIPrefix([]byte(in))
		require.False(t, ok, "%q", in)
	}
}

var strictCRI = regexp.MustCompile(`(?s)^([^ ]+) (stdout|stderr) ([PF](?::[^\x00-\x20]*)?)(?: (.*))?$`)

func FuzzTryCRIPrefix(f *testing.F) {
	for _, in := range []string{
		"2026-03-04T05:06:07.123456789Z stdout F cart emptied", "2026-03-04T05:06:07+08:00 stderr P:x:y ",
		"2026-03-04T05:06:07.1z stdout F", "2026-03-04 05:06:07Z stdout F x", "2026-03-04T05:06:07 stdout F x",
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		nanos, stream, tag, text, ok := TryCRIPrefix([]byte(in))
		m := strictCRI.FindStringSubmatch(in)
		if m == nil {
			require.False(t, ok)
			return
		}
		wantNanos, zoned, wantOK := slowRFC3339(m[1])
		require.Equal(t, wantOK && zoned, ok)
		if ok {
			require.Equal(t, []any{wantNanos, m[2], m[3], m[4]}, []any{nanos, stream, string(tag), string(text)})
		}
	})
}
