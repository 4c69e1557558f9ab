package floor

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

var errJSON = errors.New("cannot read JSON")

// next returns the key of the next member of an object, and where its value begins.
// b[i] is the brace or comma before it. An object that has no more members gives an
// empty key.
func next(b []byte, i int) (key []byte, at int, err error) {
	if i >= len(b) || b[i] == '}' {
		return nil, i, nil
	}
	i++
	if i >= len(b) || b[i] != '"' {
		return nil, 0, errJSON
	}
	end := skipString(b, i)
	if end < 0 || end+1 >= len(b) || b[end] != ':' {
		return nil, 0, errJSON
	}
	return b[i+1 : end-1], end + 1, nil
}

// members calls yield with each key of an object and its value.
func members(b []byte, yield func(key, value []byte) error) error {
	for i := 0; ; {
		key, at, err := next(b, i)
		if err != nil || len(key) == 0 {
			return err
		}
		end := skipValue(b, at)
		if end < 0 {
			return errJSON
		}
		if err := yield(key, b[at:end]); err != nil {
			return err
		}
		i = end
	}
}

// skipValue returns the end of the value that begins at b[i], or -1.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipString(b, i); i < 0 || depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				if depth < 0 {
					return i // The end of what a number stands in.
				}
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return -1
}

// skipString returns the end of the string that begins at b[i], or -1.
func skipString(b []byte, i int) int {
	for i++; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n + 1
		slashes := 0
		for b[i-2-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
	}
}

// text returns the meaning of a JSON string, which it writes over the string.
func text(value []byte) ([]byte, error) {
	b := value[1 : len(value)-1]
	at := bytes.IndexByte(b, '\\')
	if at < 0 {
		return b, nil
	}
	dst := b[:at]
	for rest := b[at:]; ; {
		if len(rest) < 2 {
			return nil, errJSON
		}
		var err error
		if dst, rest, err = unescape(dst, rest); err != nil {
			return nil, err
		}
		n := bytes.IndexByte(rest, '\\')
		if n < 0 {
			return append(dst, rest...), nil
		}
		dst, rest = append(dst, rest[:n]...), rest[n:]
	}
}

// unescape appends what the escape at the beginning of rest means.
func unescape(dst, rest []byte) (_, after []byte, err error) {
	switch c := rest[1]; c {
	case 'n':
		return append(dst, '\n'), rest[2:], nil
	case 't':
		return append(dst, '\t'), rest[2:], nil
	case 'r':
		return append(dst, '\r'), rest[2:], nil
	case 'b':
		return append(dst, '\b'), rest[2:], nil
	case 'f':
		return append(dst, '\f'), rest[2:], nil
	case 'u':
		r, ok := hex(rest)
		if !ok {
			return nil, nil, errJSON
		}
		rest = rest[6:]
		if low, ok := hex(rest); ok && utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				r, rest = pair, rest[6:]
			}
		}
		return utf8.AppendRune(dst, r), rest, nil
	default:
		return append(dst, c), rest[2:], nil
	}
}

// hex returns the number of an escape \u.
func hex(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}

// view returns b as a string. Nothing may be written to b while that is in use.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
