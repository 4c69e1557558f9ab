package controlplane

import "github.com/grafana/alloy/eks/internal/jsonscan"

// walk calls f for each member of the object at b[i], with its key as it is
// written, without quotes, and the position of its value. f returns the end of the
// value: whoever reads a value has found its end, and need not look for it again.
//
// end is where the object ends. ok is false when it does not, because it is cut
// off or because f says so of a value, or when it is no object.
func walk(b []byte, i int, f func(key []byte, at int) (end int, ok bool)) (end int, ok bool) {
	if i >= len(b) || b[i] != '{' {
		return wholeValue(b, i)
	}
	i = jsonscan.SkipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	for i < len(b) && b[i] == '"' {
		keyEnd, _, ok := jsonscan.SkipString(b, i)
		if !ok {
			return keyEnd, false
		}
		key := b[i+1 : keyEnd-1]
		if i = jsonscan.SkipSpace(b, keyEnd); i >= len(b) || b[i] != ':' {
			return i, false
		}
		if i, ok = f(key, jsonscan.SkipSpace(b, i+1)); !ok {
			return i, false
		}
		i = jsonscan.SkipSpace(b, i)
		if i < len(b) && b[i] == '}' {
			return i + 1, true
		}
		if i >= len(b) || b[i] != ',' {
			return i, false
		}
		i = jsonscan.SkipSpace(b, i+1)
	}
	return i, false
}

// wholeValue returns the end of the value at b[i]. ok is false when it is cut off;
// of a number, which may go on behind the end of b or before the mark of a
// truncation, that is not known.
func wholeValue(b []byte, i int) (end int, ok bool) {
	end, ok = jsonscan.SkipValue(b, i)
	if ok && isDigit(b[end-1]) {
		ok = end < len(b) && (b[end] == ',' || b[end] == '}' || b[end] == ']' || b[end] <= ' ')
	}
	return end, ok
}
