package traffic

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestAppendEscaped(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		require.Equal(t, want, string(appendEscaped(nil, []byte(text))))
	}
	f("", "")
	f(`say "hi" \ </a> & b`, `say \"hi\" \\ </a> & b`)
	f("\b\t\n\f\r", `\b\t\n\f\r`)
	f("\x00\x01\x1f\x7f", `\u0000\u0001\u001f\u007f`)
	f("é 中 \uffff", `\u00e9 \u4e2d \uffff`)
	f("🚚", `\ud83d\ude9a`)
}

// FuzzAppendEscaped has encoding/json as its oracle: whatever valid text is
// escaped must be read back unchanged, and be printable ASCII in between.
func FuzzAppendEscaped(f *testing.F) {
	f.Add(`plain`)
	f.Add("\x00\x7f é 🚚 \" \\")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		escaped := appendEscaped([]byte{'"'}, []byte(text))
		for _, c := range escaped {
			require.True(t, c >= ' ' && c < 0x7f)
		}
		var back string
		require.NoError(t, json.Unmarshal(append(escaped, '"'), &back))
		require.Equal(t, text, back)
	})
}
