package main

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// entry is a log entry as it is stored.
type entry struct {
	Labels string // As LogQL writes them, in order: {app="shop", stream="stdout"}.
	Nanos  int64
	Line   string
}

// add adds the hash of the entry to a sum, which hence depends on which entries
// were added how often, and not on their order.
func (e *entry) add(sum uint64, d *xxhash.Digest) uint64 {
	var length [16]byte
	binary.LittleEndian.PutUint64(length[:8], uint64(len(e.Labels)))
	binary.LittleEndian.PutUint64(length[8:], uint64(e.Nanos))
	d.Reset()
	_, _ = d.Write(length[:]) // A digest takes everything.
	_, _ = d.WriteString(e.Labels)
	_, _ = d.WriteString(e.Line)
	return sum + d.Sum64()
}
