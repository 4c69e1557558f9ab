package document

import (
	"bytes"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// Unescape returns the meaning of a text line that is the inside of a JSON
// string, as Fluent Bit's firehose output writes one when log_key is set:
//
//	\tat com.example.Main {\"level\":\"info\"}
//
// It tells such a line from text that merely holds a backslash by the rules that
// a JSON encoder keeps: every backslash begins an escape that JSON knows, and
// quotes and control characters never stand bare. Otherwise text is returned as
// it is. The result is appended to dst, or is text itself when there is nothing
// to undo; longer is dst with what was appended.
//
// A path such as C:\temp keeps these rules by accident and is unescaped too: the
// bytes alone cannot tell.
func Unescape(dst, text []byte) (meaning, longer []byte) {
	if bytes.IndexByte(text, '\\') < 0 || !isInsideOfString(text) {
		return text, dst
	}
	start := len(dst)
	dst = jsonscan.AppendUnescaped(dst, text)
	return dst[start:], dst
}

func isInsideOfString(text []byte) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c < 0x20:
			return false
		case c == '\\':
			n := jsonscan.EscapeLen(text[i:])
			if n == 0 {
				return false
			}
			i += n - 1
		}
	}
	return true
}

// Braced returns the JSON object whose braces were cut off, as log_key does when
// the value it names is a map: "level":"info","msg":"x". ok is false when text is
// no such thing. The result is appended to dst; longer is dst with it.
func Braced(dst, text []byte) (object, longer []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, dst, false
	}
	start := len(dst)
	dst = append(dst, '{')
	dst = append(dst, text...)
	dst = append(dst, '}')
	if end, ok := jsonscan.SkipValue(dst, start); !ok || end != len(dst) {
		return nil, dst[:start], false
	}
	return dst[start:], dst, true
}
