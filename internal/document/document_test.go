package document

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScan(t *testing.T) {
	names := map[Kind]string{Object: "object ", String: "string ", Text: "text "}
	f := func(in string, want ...string) {
		t.Helper()
		var got []string
		s := Scan([]byte(in))
		for s.Next() {
			got = append(got, names[s.Kind()]+string(s.Bytes()))
		}
		require.Equal(t, want, got)
	}
	f(``)
	f("\n\r\n")
	// Fluent Bit: one object, one line feed.
	f("{\"log\":\"a\"}\n", `object {"log":"a"}`)
	// simple_aggregation: a blank last line.
	f("{\"log\":\"a\"}\n{\"log\":\"b\\nc\"}\n\n", `object {"log":"a"}`, `object {"log":"b\nc"}`)
	// Back to back, as CloudWatch Logs envelopes come.
	f(`{"a":1}{"b":2} {"c":3}`, `object {"a":1}`, `object {"b":2}`, `object {"c":3}`)
	f("{\n  \"pretty\": true\n}\n", "object {\n  \"pretty\": true\n}")
	f(`"a \"quoted\" line"`+"\n", `string "a \"quoted\" line"`)
	// What is no JSON is text, a line at a time, blanks kept.
	f("x", "text x")
	f("one\n\n  two \r\n   \n", "text one", "text   two ", "text    ")
	f(`{\"level\":\"info\"}`+"\n", `text {\"level\":\"info\"}`)
	f(`{"a":1} trailing text`, `text {"a":1} trailing text`)
	f(`"a","b"`, `text "a","b"`)
	f(`{"cut":"off`, `text {"cut":"off`)
	// Mixed, and the indentation of a line after an object.
	f("{\"a\":1}\nplain\n  indented\n{\"b\":2}", `object {"a":1}`, "text plain", "text   indented", `object {"b":2}`)
	f("{\"a\":1}\n\n  indented", `object {"a":1}`, "text   indented")
	f("[1,2]\ntrue\n12", "text [1,2]", "text true", "text 12")
}

func TestUnescape(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, _ := Unescape(nil, []byte(in))
		require.Equal(t, want, string(got))
	}
	f(`plain`, `plain`)
	f(`\tat com.example.Main(Main.java:1)`, "\tat com.example.Main(Main.java:1)")
	f(`{\"level\":\"info\",\"msg\":\"a\\nb\"}`, `{"level":"info","msg":"a\nb"}`)
	f(`na\u00efve`, `naïve`)
	// No encoder wrote these.
	f(`C:\Program Files`, `C:\Program Files`)
	f(`say "hi\n"`, `say "hi\n"`)
	f("tab\tand \\n", "tab\tand \\n")
	f(`ends with \`, `ends with \`)
}

func TestBraced(t *testing.T) {
	f := func(in, want string, ok bool) {
		t.Helper()
		got, _, gotOK := Braced(nil, []byte(in))
		require.Equal(t, ok, gotOK)
		require.Equal(t, want, string(got))
	}
	f(`"level":"info","msg":"x"`, `{"level":"info","msg":"x"}`, true)
	f(`"just a string"`, ``, false)
	f(`level":"info"`, ``, false)
	f(``, ``, false)
}

func TestScan_HostileNestingIsCheap(t *testing.T) {
	// Every line opens an object that never ends. Read to its end from each
	// line anew, this megabyte would take minutes.
	rec := []byte(strings.Repeat("{\"a\":\n", 1<<20/6))
	n := 0
	s := Scan(rec)
	for s.Next() {
		require.Equal(t, Text, s.Kind())
		n++
	}
	require.Equal(t, 1<<20/6, n)
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n{\"b\":2}\n\n"))
	f.Add([]byte("{\"a\":1}{\"b\":2}\ntext\n\"str\"\r\n"))
	f.Fuzz(func(t *testing.T, rec []byte) {
		// Every byte but white space comes out once and in order.
		var got []byte
		s := Scan(rec)
		for s.Next() {
			got = append(append(got, s.Bytes()...), '\n')
		}
		require.Equal(t, unspaced(rec), unspaced(got))
	})
}

func unspaced(b []byte) string {
	var out []byte
	for _, c := range b {
		if !bytes.ContainsRune([]byte(" \t\r\n"), rune(c)) {
			out = append(out, c)
		}
	}
	return string(out)
}

// Lines of blanks cost their length once, and not that of all that follow.
func TestScan_BlankLines(t *testing.T) {
	for _, end := range []string{"", `{"a":1}`, `{"a":`, `"`, `"a" b`, "text"} {
		begin := time.Now()
		rec := strings.Repeat("\n\t", 1<<19) + end
		n, last := 0, ""
		for docs := Scan([]byte(rec)); docs.Next(); n++ {
			last = string(docs.Bytes())
		}
		require.Less(t, time.Since(begin), 10*time.Second)
		if end == `{"a":1}` {
			require.Equal(t, 1, n, "the blanks before an object are its own")
			require.Equal(t, end, last)
			continue
		}
		require.Equal(t, 1<<19, n)
		require.Equal(t, "\t"+end, last)
	}
}
