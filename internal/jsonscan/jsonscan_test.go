package jsonscan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var validTexts = []string{
	`{}`, `[]`, `""`, `0`, `-0`, `-1.5e+10`, `1E5`, `true`, `false`, `null`,
	`{"a":1,"b":[1,2,{"c":"d"}],"e":"\u00e9\n\"\\"}`,
	`{ "a" : [ ] , "a" : { } }`,
	`"` + strings.Repeat("plain text that is longer than a word ", 9) + `\t"`,
	"\"raw \xff byte\"",
	`[[[[[[]]]]]]`,
}

var invalidTexts = []string{
	``, `{`, `[`, `"`, `"a`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[,1]`, `01`, `-`, `1.`, `1e`, `+1`, `.5`,
	`tru`, `nul`, `falsy`, `"\x"`, `"\u12g4"`, `"\u123`, "\"raw\ncontrol\"", "\"12345678\x1f\"", `{\"level\":\"info\"}`, `{'a':1}`, `NaN`,
	strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
}

func TestSkipValue_Success(t *testing.T) {
	for _, text := range validTexts {
		end, ok := SkipValue([]byte(text+" tail"), 0)
		require.True(t, ok, text)
		require.Equal(t, len(text), end, text)
	}
}

func TestSkipValue_Failure(t *testing.T) {
	for _, text := range invalidTexts {
		end, ok := SkipValue([]byte(text), 0)
		require.False(t, ok && end == len(text), text)
	}
}

func TestMembers(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		var got []string
		m := Object([]byte(in), 0)
		for m.Next() {
			got = append(got, string(m.Key())+"="+string(m.Value()))
		}
		require.False(t, m.Err(), in)
		require.Equal(t, want, got)
		require.Equal(t, strings.LastIndexByte(in, '}')+1, m.End())
	}
	f(`{}`)
	f(`{"a":1}`, `a=1`)
	f(`{"a":1,"a":"x"}`, `a=1`, `a="x"`)
	f("{ \"a\" : {\"b\":[1]} , \"\" : null }\n", `a={"b":[1]}`, `=null`)
}

func TestMembers_Failure(t *testing.T) {
	f := func(in string, members int) {
		t.Helper()
		m := Object([]byte(in), 0)
		n := 0
		for m.Next() {
			n++
		}
		require.True(t, m.Err(), in)
		require.Equal(t, members, n, in)
	}
	f(``, 0)
	f(`[]`, 0)
	f(`{`, 0)
	f(`{"a"`, 0)
	f(`{"a":1`, 0)
	f(`{"a":1,`, 1)
	f(`{"a":1,}`, 1)
	f(`{"a":1;"b":2}`, 0)
}

func TestAppendUnescaped(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		require.Equal(t, want, string(AppendUnescaped(nil, []byte(in))))
	}
	f(``, ``)
	f(`plain`, `plain`)
	f(`\tat com.example`, "\tat com.example")
	f(`{\"a\":\"b\\\\n\"}`, `{"a":"b\\n"}`)
	f(`\/\b\f\n\r\t`, "/\b\f\n\r\t")
	f(`\u00e9\ud83d\ude00\u0000`, "é😀\x00")
	// Half a pair, at the end and before something else.
	f(`\ud83d`, "\ufffd")
	f(`\ud83dx\ude00`, "\ufffdx\ufffd")
	f(`\ud83d\u0041`, "\ufffdA")
	// What JSON does not know stays.
	f(`C:\Program`, `C:\Program`)
	long := strings.Repeat("text ", 30)
	f(long+`C:\Program "quoted" \"`+long, long+`C:\Program "quoted" "`+long)
	f(`\u12`, `\u12`)
	f(`end\`, `end\`)
}

func TestScanAllocatesNothing(t *testing.T) {
	text := []byte(validTexts[10])
	require.Zero(t, testing.AllocsPerRun(100, func() {
		m := Object(text, 0)
		for m.Next() {
			_, _ = m.Value().Text()
		}
	}))
}

// escapesAtBorders returns texts in which strings with escapes, and what is wrong with
// them, stand at the borders of words, of blocks and of groups.
func escapesAtBorders() []string {
	var texts []string
	for _, odd := range []string{`\"`, `\\`, `\\\"`, `\n`, `\/`, `\u00e9`, `\ud83d\ude00`, `\x`, `\`, "\\\n", "\n", "é", "\xff", `" and "`} {
		for _, size := range []int{0, 7, 8, 55, 61, 62, 63, 64, 126, 127, 128, 255, 256, 511, 767, 768} {
			texts = append(texts, `"`+strings.Repeat("a", size)+odd+odd+strings.Repeat("b", 70)+`"`)
		}
	}
	return texts
}

// What takes a string by blocks, or by words, gets as far as it says: the answers would be
// the same if it left everything to others.
func TestAppendByBlocks(t *testing.T) {
	f := func(in, want string, next int) {
		t.Helper()
		if !hasBlocks {
			want, next = "", 0
		}
		got, n := appendByBlocks([]byte("before"), []byte(in), 0)
		require.Equal(t, "before"+want, string(got))
		require.Equal(t, next, n)
	}
	a := strings.Repeat("a", blockSize)
	f(a[1:], "", 0)
	f(a, a, blockSize)
	f(a+a+"rest", a+a, 2*blockSize)
	f(`\"`+a, `"`+a[2:], blockSize)
	f(a[1:]+`\"`+a, a[1:]+`"`+a[1:], 2*blockSize)
	f(a[1:]+`\"`, a[1:], blockSize-1)
	f(a+`\\\n\/`+a, a+"\\\n/"+a[6:], 2*blockSize)
	f(a+`end"`+a, a+"end", blockSize+3)
	f(a+"\n"+a, a, blockSize)
	f(a+`x\u00e9`+a, a+"x", blockSize+1)
	f(a[1:]+`\u00e9`+a, a[1:], blockSize-1)
}

func TestAppendByWords(t *testing.T) {
	f := func(in, want string, next int) {
		t.Helper()
		got, n := appendByWords([]byte("before"), []byte(in), 0)
		require.Equal(t, "before"+want, string(got))
		require.Equal(t, next, n)
	}
	f(`plain text, and so on`, `plain text, and `, 16)
	f(`{\"kind\":\"Event\",\"a\":1} and so on`, `{"kind":"Event","a":1} and `, 33)
	f(`say \n and so on`, `say `, 4)
	f(`end" and so on`, `end`, 3)
}

// An index knows the quotes of strings up to what a string can't hold.
func TestScanner_Reset(t *testing.T) {
	var s Scanner
	f := func(text string, ascii bool, want ...int) {
		t.Helper()
		s.Reset([]byte(text))
		if !hasBlocks {
			ascii, want = false, nil
		}
		var got []int
		for i := range 64 * len(s.quotes) {
			if s.quotes[i/64]>>(i%64)&1 != 0 {
				got = append(got, i)
			}
		}
		require.Equal(t, want, got)
		require.Equal(t, ascii, s.IsASCII())
	}
	a := strings.Repeat("a", 100)
	f(`{"a":"b"}`, true, 1, 3, 5, 7)
	f(`["\"","\\"]`, true, 1, 4, 6, 9)
	f(`["`+a+`"]`, true, 1, 102)
	f(`["é"]`, false, 1, 4)
	f(`["a"]`+a+"\n", false, 1, 3)
	f(`["a"]`+a+`\x`, false, 1, 3)
	f("[\"a\"\n]", false)
	f(``, true)
}

// FuzzScanner holds the answers of an index against those of a search.
func FuzzScanner(f *testing.F) {
	for _, text := range slices.Concat(validTexts, invalidTexts[:len(invalidTexts)-1], escapesAtBorders()) {
		f.Add(text, "")
	}
	f.Add(`{"kind":"Event","reason":"RBAC: allowed by \"view\"","cut":["off`, `{"next":1}`)
	var s Scanner
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, text := range []string{first, second} {
			b := []byte(text)
			s.Reset(b)
			if s.IsASCII() {
				require.Negative(t, strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }))
			}
			for i := range b {
				end, ok := s.SkipValue(i)
				wantEnd, wantOK := SkipValue(b, i)
				require.Equal(t, wantOK, ok, i)
				require.Equal(t, wantEnd, end, i)
			}
		}
	})
}

func TestScanner_AllocatesNothing(t *testing.T) {
	text := []byte(validTexts[5] + strings.Repeat(" ", 2*groupSize*blockSize))
	var s Scanner
	s.Reset(text)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		s.Reset(text)
		_, _ = s.SkipValue(0)
	}))
}

func FuzzSkipValue(f *testing.F) {
	for _, text := range validTexts {
		f.Add([]byte(text))
	}
	for _, text := range invalidTexts[:len(invalidTexts)-1] {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		start := SkipSpace(text, 0)
		end, ok := SkipValue(text, start)
		whole := ok && SkipSpace(text, end) == len(text)
		require.Equal(t, json.Valid(text), whole)
	})
}

// FuzzReadString holds the one pass against the two that it stands for.
func FuzzReadString(f *testing.F) {
	for _, text := range append(validTexts, invalidTexts...) {
		f.Add(text, 0)
	}
	f.Add(`"plain" and more`, 0)
	for _, text := range escapesAtBorders() {
		f.Add(text, 0)
	}
	f.Add(`x"{\"kind\":\"Event\",\"path\":\"C:\\\\srv\",\"smile\":\"\ud83d\ude00\",\"half\":\"\ud83d\"}\n"`, 1)
	f.Fuzz(func(t *testing.T, in string, i int) {
		b := []byte(in)
		if i < 0 || i >= len(b) || b[i] != '"' {
			return
		}
		for _, dst := range [][]byte{nil, []byte("before"), make([]byte, 3, 5), make([]byte, 1, 1000)} {
			want := string(dst)
			text, longer, end, ok := ReadString(dst, b, i)
			wantEnd, escaped, wantOK := SkipString(b, i)
			require.Equal(t, wantOK, ok)
			require.Equal(t, wantEnd, end)
			require.Equal(t, in, string(b), "the text belongs to the caller")
			if !ok {
				require.Equal(t, want, string(longer))
				continue
			}
			meaning := string(AppendUnescaped(nil, b[i+1:end-1]))
			require.Equal(t, meaning, string(text))
			byWords, wordsEnd, ok := appendString(slices.Clone(dst), b, i+1, false)
			require.True(t, ok)
			require.Equal(t, end, wordsEnd)
			require.Equal(t, string(dst)+meaning, string(byWords))
			if escaped {
				want += meaning
			}
			require.Equal(t, want, string(longer))
		}
	})
}

func FuzzAppendUnescaped(f *testing.F) {
	f.Add(`\u00e9\ud83d\ude00 \ud83d`)
	f.Add(`a\tb\\`)
	for _, text := range escapesAtBorders() {
		f.Add(text[1 : len(text)-1])
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted := `"` + text + `"`
		var want string
		if !utf8.ValidString(text) || json.Unmarshal([]byte(quoted), &want) != nil {
			return
		}
		require.Equal(t, want, string(AppendUnescaped(nil, []byte(text))))
	})
}

// FuzzAppendEscaped holds the writer of strings against encoding/json.
func FuzzAppendEscaped(f *testing.F) {
	f.Add("plain")
	f.Add("\"\\\b\f\n\r\t\x00\x1f\x7f\xff µ \u2028")
	f.Add(`{"kind":"Event","list":["a","b"],"path":"C:\\srv"} and some more text`)
	f.Fuzz(func(t *testing.T, text string) {
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		var want string
		require.NoError(t, json.Unmarshal(quoted, &want))
		for _, dst := range [][]byte{nil, []byte("before"), make([]byte, 3, 30)} {
			got := AppendEscaped(dst, []byte(text))
			require.Equal(t, string(dst), string(got[:len(dst)]))
			var meaning string
			require.NoError(t, json.Unmarshal([]byte(`"`+string(got[len(dst):])+`"`), &meaning))
			require.Equal(t, want, meaning)
		}
	})
}
