package kubelog

import (
	"bytes"
	"hash/maphash"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
)

const (
	// recentSlots is a power of two, and more containers than usually write into
	// one delivery.
	recentSlots = 256
	// maxRecent bounds what is kept of one kubernetes object, in bytes. They have
	// one to two thousand; those of pods with freakish annotations are read anew
	// each time.
	maxRecent = 8 << 10
	// recentHead is how many bytes choose the slot. Fluent Bit writes the name of
	// the pod first, and its id within these.
	recentHead = 128
)

// recent keeps the kubernetes objects that were met lately, as they are written.
// The lines of a container come in runs, each with the same object, which is most
// of the record: to know it again takes a fiftieth of the time that it takes to
// find its end and to hash it.
type recent struct {
	seed  maphash.Seed
	slots [recentSlots]recentObject
}

// recentObject is one of them, whole, with the source that stands for it alone;
// nil before the first record that has no other metadata.
type recentObject struct {
	raw    []byte
	source *event.Source
}

func newRecent() *recent { return &recent{seed: maphash.MakeSeed()} }

// find returns the object at the beginning of text if it was met lately, nil if
// not. An object ends where its last brace stands, whatever follows, so that
// equal bytes are an equal object.
func (r *recent) find(text []byte) *recentObject {
	slot := r.slot(text)
	if slot == nil || len(slot.raw) == 0 || !bytes.HasPrefix(text, slot.raw) {
		return nil
	}
	return slot
}

// keep remembers an object, and returns nil when it is not worth that.
func (r *recent) keep(object jsonscan.Value) *recentObject {
	slot := r.slot(object)
	if slot == nil || len(object) > maxRecent {
		return nil
	}
	slot.raw, slot.source = append(slot.raw[:0], object...), nil
	return slot
}

// slot returns the place for the object at the beginning of text, nil when it is
// too short to be worth one.
func (r *recent) slot(text []byte) *recentObject {
	if len(text) < recentHead {
		return nil
	}
	return &r.slots[maphash.Bytes(r.seed, text[:recentHead])%recentSlots]
}
