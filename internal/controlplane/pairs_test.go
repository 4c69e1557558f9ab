package controlplane

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func regexpOf(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

func TestPairs(t *testing.T) {
	f := func(spaced bool, in, want string) {
		t.Helper()
		p := pairs{b: []byte(in), spacedKeys: spaced}
		var got []string
		for p.next() {
			got = append(got, fmt.Sprintf("%s→%s", p.key, p.value))
		}
		if p.failed {
			got = append(got, "fails at "+in[p.i:])
		}
		require.Equal(t, want, strings.Join(got, " | "))
	}
	f(true, ``, ``)
	f(true, ` a=1 b="x y" c=`, `a→1 | b→x y | c→`)
	f(true, `a="\"" b={x y:[1 2]} c=map[a:b c:"}"]`, `a→\" | b→{x y:[1 2]} | c→map[a:b c:"}"]`)
	f(true, `current node="n" two words=3`, `current node→n | two words→3`)
	f(true, `"quoted key"="v" "k"=1`, `quoted key→v | k→1`)
	f(true, "a=<\n\tone\n\ttwo\n > b=2", "a→one\n\ttwo | b→2")
	f(true, "a=<\n > b=2", "a→ | b→2")
	f(true, `a=&{x:1 y:2} b=(1 2)`, `a→&{x:1 y:2} | b→(1 2)`)
	f(true, `a=1 and text`, `a→1 | fails at and text`)
	f(true, `a="x"y b=1`, `fails at a="x"y b=1`)
	f(true, `a="never ends`, `fails at a="never ends`)
	f(true, `=1`, `fails at =1`)
	f(true, `a)b=1`, `a)b→1`)
	f(true, strings.Repeat("k", 65)+"=1", "fails at "+strings.Repeat("k", 65)+"=1")
	f(false, `two words=3`, `fails at two words=3`)
	f(false, `session= userid=X`, `session→ | userid→X`)
}

func TestCutStructured(t *testing.T) {
	f := func(in, want string, wantOK bool) {
		t.Helper()
		msg, _, ok := cutStructured([]byte(in))
		require.Equal(t, wantOK, ok)
		require.Equal(t, want, string(msg))
	}
	f(`"Starting"`, `Starting`, true)
	f(`"Starting" a=1`, `Starting`, true)
	f(`"a \"b\"" c="d"`, `a \"b\"`, true)
	f(`"level"=0 "msg"="Starting" "a"=1`, `Starting`, true)
	f(`"level"=0 "message"="Starting"`, ``, false)
	f(`"quoted" is not structured`, ``, false)
	f(`"quoted", too`, ``, false)
	f(`"open`, ``, false)
	f(`Starting "x" a=1`, ``, false)
	f(``, ``, false)
}

func TestParseKlog(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		h, ok := parseKlog([]byte(in))
		if !ok {
			require.Equal(t, want, "no")
			return
		}
		require.Equal(t, want, fmt.Sprintf("%c|%s|%s|%s|%s", h.letter, h.thread, h.file, h.number, h.text))
	}
	f(`I0820 10:04:59.123456      11 a.go:7] text`, `I|11|a.go|7|text`)
	f(`E0820 10:04:59.123456 1 a_b-c.go:7]`, `E|1|a_b-c.go|7|`)
	f(`W0820 10:04:59.123456       1 a.go:7]   indented`, `W|1|a.go|7|  indented`)
	f(`F0820 10:04:59.123456 text alone`, `F||||text alone`)
	f(`I0820 10:04:59.123456      11 a.go: text`, `I||||11 a.go: text`)
	f(`I0820 10:04:59.123456      11 a b.go:7] text`, `I||||11 a b.go:7] text`)
	f(`I0820 10:04:59.123456      11`, `I||||11`)
	f(`I0820 10:04:59 11 a.go:7] text`, `no`)
	f(`X0820 10:04:59.123456      11 a.go:7] text`, `no`)
	f(`Info: nothing`, `no`)
}

func TestAppendGoUnquoted(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		require.Equal(t, want, string(appendGoUnquoted(nil, []byte(in))))
	}
	f(`plain µ`, `plain µ`)
	f(`\a\b\f\n\r\t\v\\\"`, "\a\b\f\n\r\t\v\\\"")
	f(`\x41\u00b5\U0001f600`, "Aµ\U0001f600")
	f(`\q\x4\u12`, `\q\x4\u12`)
	f(`ends with \`, `ends with \`)
}

// FuzzGoQuote holds the reader of Go's quotes against strconv.
func FuzzGoQuote(f *testing.F) {
	f.Add("plain")
	f.Add("a \"quoted\" text\n\x00\xff\u00b5\U0001f600")
	f.Fuzz(func(t *testing.T, text string) {
		for _, quoted := range []string{strconv.Quote(text), strconv.QuoteToASCII(text)} {
			require.Equal(t, len(quoted), quotedEnd([]byte(quoted), 0))
			require.Equal(t, text, string(appendGoUnquoted(nil, []byte(quoted[1:len(quoted)-1]))))
		}
	})
}

// FuzzPairs walks pairs to their end, whatever they are.
func FuzzPairs(f *testing.F) {
	f.Add(`a="x" b={1 2} c=<`+"\n\ty\n > d e=1", true)
	f.Fuzz(func(t *testing.T, text string, spaced bool) {
		p := pairs{b: []byte(text), spacedKeys: spaced}
		for at := -1; p.next(); at = p.i {
			require.Greater(t, p.i, at)
		}
		require.True(t, p.failed || p.i >= len(text))
	})
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b*", "aab")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(text) {
			return
		}
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		oracle := regexp.MustCompile(`^(?s:` + strings.Join(parts, `.*`) + `)$`)
		require.Equal(t, oracle.MatchString(text), matchGlob(pattern, []byte(text)))
	})
}

// Quotes that do not end cost their length once, and not for each of them.
func TestBareEnd_EndlessQuotes(t *testing.T) {
	begin := time.Now()
	b := []byte("x" + strings.Repeat(`\"`, 1<<20) + " " + strings.Repeat(`\"`, 10) + "\n")
	require.Equal(t, len("x")+2<<20, bareEnd(b, 0))
	require.Less(t, time.Since(begin), 10*time.Second)

	f := func(in string, want int) {
		t.Helper()
		require.Equal(t, want, bareEnd([]byte(in), 0))
	}
	f(`a"b c" d`, len(`a"b c"`))
	f(`a\"b c`, len(`a\"b`))
	f(`{a"b c} d`, len(`{a"b c}`))
	// A quote that does not end on its line tells nothing of the next one's.
	f("{a\"b\n\"c} d\"} e", len("{a\"b\n\"c} d\"}"))
}
