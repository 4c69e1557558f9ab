package jsonscan

// SkipValue returns the position after the value that begins at b[i], which
// must not be white space. ok is false when no whole JSON value stands there.
func SkipValue(b []byte, i int) (end int, ok bool) {
	s := Scanner{b: b}
	return s.skipValue(i, 0)
}

func (s *Scanner) skipValue(i, depth int) (int, bool) {
	b := s.b
	if i >= len(b) || depth > maxDepth {
		return i, false
	}
	switch c := b[i]; {
	case c == '"':
		return s.SkipString(i)
	case c == '{':
		return s.skipObject(i, depth)
	case c == '[':
		return s.skipArray(i, depth)
	case c == '-' || isDigit(c):
		return skipNumber(b, i)
	case c == 't':
		return skipLiteral(b, i, "true")
	case c == 'f':
		return skipLiteral(b, i, "false")
	case c == 'n':
		return skipLiteral(b, i, "null")
	}
	return i, false
}

func skipLiteral(b []byte, i int, lit string) (int, bool) {
	if len(b)-i < len(lit) || string(b[i:i+len(lit)]) != lit {
		return i, false
	}
	return i + len(lit), true
}

func skipNumber(b []byte, i int) (int, bool) {
	if b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && isDigit(b[i]):
		i = skipDigits(b, i)
	default:
		return i, false
	}
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = skipDigits(b, start); i == start {
			return i, false
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = skipDigits(b, start); i == start {
			return i, false
		}
	}
	return i, true
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *Scanner) skipObject(i, depth int) (int, bool) {
	b := s.b
	i = SkipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return i, false
		}
		var ok bool
		if i, ok = s.SkipString(i); !ok {
			return i, false
		}
		if i = SkipSpace(b, i); i >= len(b) || b[i] != ':' {
			return i, false
		}
		if i, ok = s.skipValue(SkipSpace(b, i+1), depth+1); !ok {
			return i, false
		}
		var more bool
		if i, more, ok = after(b, i, '}'); !more {
			return i, ok
		}
	}
}

func (s *Scanner) skipArray(i, depth int) (int, bool) {
	b := s.b
	i = SkipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, true
	}
	for {
		var ok bool
		if i, ok = s.skipValue(i, depth+1); !ok {
			return i, false
		}
		var more bool
		if i, more, ok = after(b, i, ']'); !more {
			return i, ok
		}
	}
}

// after returns where the next member or element begins behind the one that ends at b[i],
// or, where there are no more, the position after the closing bracket. ok is false when
// neither follows.
func after(b []byte, i int, closing byte) (next int, more, ok bool) {
	if i = SkipSpace(b, i); i >= len(b) {
		return i, false, false
	}
	switch b[i] {
	case ',':
		return SkipSpace(b, i+1), true, true
	case closing:
		return i + 1, false, true
	}
	return i, false, false
}
