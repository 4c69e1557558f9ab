package controlplane

import "github.com/grafana/alloy/eks/internal/jsonscan"

// walk calls f for each member of the object at the start of b, with its key as it
// is written, without quotes. end is where the object ends.
//
// Of an object that is cut off, f gets the whole members before the cut and then,
// if its key stands there, the member that is cut, with whole unset and what is
// left of its value.
func walk(b []byte, f func(key []byte, v jsonscan.Value, whole bool)) (end int, ok bool) {
	m := jsonscan.Object(b, 0)
	at := 1
	for m.Next() {
		f(m.Key(), m.Value(), true)
		at = offset(b, m.Value()) + len(m.Value())
	}
	if !m.Err() {
		return m.End(), true
	}
	walkCut(b, at, f)
	return len(b), false
}

// walkCut calls f for the member at b[i], behind its comma, which is not whole or
// is the last before the damage.
func walkCut(b []byte, i int, f func(key []byte, v jsonscan.Value, whole bool)) {
	for i < len(b) && (b[i] == ',' || b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	if i >= len(b) || b[i] != '"' {
		return
	}
	keyEnd, _, ok := jsonscan.SkipString(b, i)
	if !ok {
		return
	}
	key := b[i+1 : keyEnd-1]
	if i = jsonscan.SkipSpace(b, keyEnd); i >= len(b) || b[i] != ':' {
		return
	}
	i = jsonscan.SkipSpace(b, i+1)
	if i >= len(b) {
		return
	}
	// A number may go on behind the cut; what closes itself does not.
	if end, ok := jsonscan.SkipValue(b, i); ok && (b[i] == '"' || b[i] == '{' || b[i] == '[') {
		f(key, b[i:end], true)
		return
	}
	f(key, b[i:], false)
}
