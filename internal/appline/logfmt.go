package appline

import "bytes"

// isPair reports whether a logfmt pair begins at b[i]: a key and an equals sign.
func isPair(b []byte, i int) bool {
	end := keyEnd(b, i)
	return end > i && end < len(b) && b[end] == '='
}

// keyEnd returns the end of the logfmt key that begins at b[i].
func keyEnd(b []byte, i int) int {
	const longest = 64
	end := i
	for end < len(b) && end < i+longest && isKeyByte(b[end]) {
		end++
	}
	return end
}

func isKeyByte(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '_' || c == '.' || c == '-' || c == '@' || c == '/'
}

// readLogfmt reads the pairs from b[i] on.
func readLogfmt(b []byte, i int) Facts {
	var o Object
	for i < len(b) && !o.settled() {
		if isBlank(b[i]) {
			i++
			continue
		}
		end := keyEnd(b, i)
		if end == len(b) || b[end] != '=' {
			i = skipValue(b, max(end, i))
			continue
		}
		key := b[i:end]
		i = skipValue(b, end+1)
		text := b[end+1 : i]
		if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
			text = text[1 : len(text)-1]
		}
		if what, rank := fieldOf(key); what != noField && what != logField && what != mongoLevelField {
			o.addText(what, rank, text)
		}
	}
	return o.Facts()
}

// skipValue returns the end of the value that begins at b[i]: a quoted text, or
// everything to the next blank.
func skipValue(b []byte, i int) int {
	if i < len(b) && b[i] == '"' {
		for i++; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(b)
	}
	if n := bytes.IndexByte(b[i:], ' '); n >= 0 {
		return i + n
	}
	return len(b)
}
