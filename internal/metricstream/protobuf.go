package metricstream

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// fields walks over the fields of a protobuf message where it stands. The zero
// value is an empty message.
//
// Messages are not decoded into structs: an empty field of two bytes would become a
// hundred times as much (FuzzParser_OTLP holds the walk against the real decoder).
//
// https://protobuf.dev/programming-guides/encoding/
type fields struct {
	rest []byte
	num  protowire.Number
	typ  protowire.Type
	val  []byte // Of a field with a length.
	bits uint64 // Of any other.
	bad  bool
}

// next goes to the next field. It returns false at the end, and when the message is
// damaged: bad says so.
func (f *fields) next() bool {
	if len(f.rest) == 0 || f.bad {
		return false
	}
	num, typ, n := protowire.ConsumeTag(f.rest)
	if n < 0 {
		f.bad = true
		return false
	}
	f.num, f.typ, f.val, f.bits = num, typ, nil, 0
	rest := f.rest[n:]
	switch typ {
	case protowire.BytesType:
		f.val, n = protowire.ConsumeBytes(rest)
	case protowire.Fixed64Type:
		f.bits, n = protowire.ConsumeFixed64(rest)
	case protowire.VarintType:
		f.bits, n = protowire.ConsumeVarint(rest)
	default:
		n = protowire.ConsumeFieldValue(num, typ, rest)
	}
	if n < 0 {
		f.bad = true
		return false
	}
	f.rest = rest[n:]
	return true
}

// is reports whether the field has that number and that type. As for every decoder,
// one of another type is an unknown field.
func (f *fields) is(num protowire.Number, typ protowire.Type) bool {
	return f.num == num && f.typ == typ
}

// nextMessage goes to the next field with that number that has a length.
func (f *fields) nextMessage(num protowire.Number) bool {
	for f.next() {
		if f.is(num, protowire.BytesType) {
			return true
		}
	}
	return false
}
