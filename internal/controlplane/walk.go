package controlplane

import "github.com/grafana/alloy/eks/internal/jsonscan"

// walk calls f for each member of the object at b[i], with its key as it is
// written, without quotes, and the position of its value. f returns the end of the
// value: whoever reads a value has found its end, and need not look for it again.
//
// end is where the object ends. ok is false when it does not, because it is cut
// off or because f says so of a value, or when it is no object.
func (a *auditReader) walk(i int, f func(key []byte, at int) (end int, ok bool)) (end int, ok bool) {
	b := a.b
	if i >= len(b) || b[i] != '{' {
		return a.wholeValue(i)
	}
	i = jsonscan.SkipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	for i < len(b) && b[i] == '"' {
		keyEnd, ok := a.scanner.SkipString(i)
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

// list gives a field the strings of the array at b[i], with commas between them. end and
// ok are those of wholeValue.
func (a *auditReader) list(f field, i int) (end int, ok bool) {
	elements := a.scanner.Array(i)
	if elements.Err() {
		return a.wholeValue(i) // Which is no array.
	}
	p := a.p
	start := len(p.arena)
	for elements.Next() {
		if len(p.arena) > start {
			p.arena = append(p.arena, ',')
		}
		p.arena = elements.Value().AppendText(p.arena)
	}
	if elements.Err() {
		return elements.End(), false
	}
	p.line.put(f, p.arena[start:])
	return elements.End(), true
}

// wholeValue returns the end of the value at b[i]. ok is false when it is cut off;
// of a number, which may go on behind the end of b or before the mark of a
// truncation, that is not known.
func (a *auditReader) wholeValue(i int) (end int, ok bool) {
	b := a.b
	if i < len(b) && b[i] == '"' {
		return a.scanner.SkipString(i)
	}
	end, ok = a.scanner.SkipValue(i)
	if ok && isDigit(b[end-1]) {
		ok = end < len(b) && (b[end] == ',' || b[end] == '}' || b[end] == ']' || b[end] <= ' ')
	}
	return end, ok
}
