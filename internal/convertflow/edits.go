package convertflow

import (
	"bytes"
	"cmp"
	"slices"
)

// edits are changes of a text that do not touch each other.
type edits []edit

// edit replaces a piece of the text; an empty piece is a place to insert at.
type edit struct {
	span
	with string
}

func (e *edits) replace(at span, with string) { *e = append(*e, edit{at, with}) }

func (e *edits) insert(offset int, with string) { e.replace(span{offset, offset}, with) }

// apply returns the changed text.
func (e edits) apply(text []byte) []byte {
	e = slices.Clone(e)
	slices.SortStableFunc(e, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	var out bytes.Buffer
	done := 0
	for _, change := range e {
		out.Write(text[done:max(done, change.start)])
		out.WriteString(change.with)
		done = max(done, change.end)
	}
	out.Write(text[done:])
	return out.Bytes()
}
