package event

import (
	"hash/maphash"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Sources remembers the sources that parsers have read, so that the metadata
// which every line of a container or of a log stream repeats is read once. It is
// safe for concurrent use and shared by all parsers of a component.
type Sources struct {
	seeds [2]maphash.Seed
	known *lru.Cache[Fingerprint, *Source]
}

// Fingerprint stands for the raw bytes of everything that a source is made of.
// With 128 bits under seeds that nobody outside knows, two different origins do
// not meet in a lifetime, and the raw bytes need not be kept to tell them apart.
// The zero value is that of nothing.
type Fingerprint [2]uint64

// NewSources returns a Sources that remembers up to size sources; each costs about
// two kilobytes, with the streams that are made of it. It fails when size is not positive.
func NewSources(size int) (*Sources, error) {
	known, err := lru.New[Fingerprint, *Source](size)
	if err != nil {
		return nil, err
	}
	return &Sources{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, known: known}, nil
}

// Len returns how many sources are remembered.
func (s *Sources) Len() int { return s.known.Len() }

// Mix adds raw to a fingerprint. The order of the parts is significant.
func (s *Sources) Mix(f Fingerprint, raw []byte) Fingerprint {
	const odd = 0x9e3779b97f4a7c15
	return Fingerprint{
		f[0]*odd + maphash.Bytes(s.seeds[0], raw),
		f[1]*odd + maphash.Bytes(s.seeds[1], raw),
	}
}

// Get returns the source that is remembered under f.
func (s *Sources) Get(f Fingerprint) (*Source, bool) { return s.known.Get(f) }

// Keep remembers src under f and returns it, or what another parser has kept
// there in the meantime, so that all share one.
func (s *Sources) Keep(f Fingerprint, src *Source) *Source {
	if prev, ok, _ := s.known.PeekOrAdd(f, src); ok {
		return prev
	}
	return src
}
