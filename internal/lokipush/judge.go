package lokipush

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/eks/internal/lokientry"
)

// hit is an entry that was refused.
type hit struct {
	entry  int32 // In Batch.entries.
	stream int32
	refusal
}

// judge reports whether an entry is certainly among those that a refusal is about.
type judge func(stream, entry int32) bool

func none(_, _ int32) bool { return false }

// judgeOf returns the judge for a refusal of a push of the segments.
func (b *Batch) judgeOf(r *refusal, segs []segment) judge {
	switch r.reason {
	case LineTooLong:
		return func(_, i int32) bool { return r.limit > 0 && int64(len(b.entries[i].Line)) > r.limit }
	case TooOld:
		return func(_, i int32) bool { return b.nanos[i] < r.limit }
	case TooNew:
		return b.judgeTooNew(r, segs)
	case TooFarBehind:
		return b.judgeTooFarBehind(r, segs)
	case MetadataDisallowed:
		return func(_, i int32) bool { return len(b.entries[i].StructuredMetadata) > 0 }
	case MetadataTooLarge:
		return func(_, i int32) bool { return r.limit > 0 && metadataSize(b.entries[i].StructuredMetadata) > r.limit }
	case MetadataTooMany:
		return func(_, i int32) bool { return r.limit > 0 && int64(len(b.entries[i].StructuredMetadata)) > r.limit }
	}
	return b.judgeLabels(r, segs)
}

// detectedLevel is structured metadata that Loki does not count.
const detectedLevel = "detected_level"

// metadataSize returns what Loki compares with its limit.
func metadataSize(metadata []push.LabelAdapter) int64 {
	n := 0
	for _, l := range metadata {
		if l.Name != detectedLevel {
			n += len(l.Name) + len(l.Value)
		}
	}
	return int64(n)
}

// judgeTooNew knows refused entries by their second, when no accepted one has the
// same: Loki does not name its limit.
func (b *Batch) judgeTooNew(r *refusal, segs []segment) judge {
	second := func(i int32) int64 { return b.nanos[i] / int64(time.Second) }
	have := map[int64]int{}
	newest := segs[0].from
	b.each(segs, func(_, i, at int32) {
		have[second(i)]++
		if b.nanos[i] > b.nanos[b.order[newest]] {
			newest = at
		}
	})
	top := b.nanos[b.order[newest]]
	return func(_, i int32) bool {
		s := second(i)
		// The newest entry is one of them in any case.
		return b.nanos[i] == top || have[s] > 0 && have[s] == r.seconds[s]
	}
}

// judgeTooFarBehind knows that of the last stream, which is sorted, the first ones
// are refused.
func (b *Batch) judgeTooFarBehind(r *refusal, segs []segment) judge {
	last := segs[len(segs)-1].stream
	if b.streams[last].unsorted {
		return none
	}
	var of []int32
	b.each(segs, func(s, i, _ int32) {
		if s == last {
			of = append(of, i)
		}
	})
	if r.all == len(of) && r.ignored <= len(of) {
		first := make(map[int32]bool, r.ignored)
		for _, i := range of[:r.ignored] {
			first[i] = true
		}
		return func(_, i int32) bool { return first[i] }
	}
	return func(s, i int32) bool { return s == last && b.nanos[i] < r.limit }
}

// judgeLabels judges whole streams.
func (b *Batch) judgeLabels(r *refusal, segs []segment) judge {
	measure := measureOf(r)
	if measure == nil {
		return none
	}
	known := map[int32]int64{}
	top := int64(0)
	for _, s := range segs {
		if _, ok := known[s.stream]; !ok {
			known[s.stream] = measure(b.labelsOf(&b.streams[s.stream]))
			top = max(top, known[s.stream])
		}
	}
	limit := r.limit
	if limit == 0 {
		limit = top - 1 // The largest is one of them in any case.
	}
	return func(s, _ int32) bool { return known[s] > 0 && known[s] > limit }
}

// measureOf returns what Loki compares with the limit of a refusal that is about
// labels, nil when it is not.
func measureOf(r *refusal) func([]label) int64 {
	longest := func(length func(label) int) func([]label) int64 {
		return func(labels []label) int64 {
			n := 0
			for _, l := range labels {
				n = max(n, length(l))
			}
			return int64(n)
		}
	}
	switch r.reason {
	case TooManyLabels:
		return func(labels []label) int64 { return int64(countLabels(labels)) }
	case LabelNameTooLong:
		return longest(func(l label) int { return len(l.name) })
	case LabelValueTooLong:
		return longest(func(l label) int { return len(l.value) })
	case LabelsInvalid:
		return func(labels []label) int64 { return flag(!validLabels(labels)) }
	case LabelsMissing:
		return func(labels []label) int64 { return flag(len(missingLabels(labels, r.names)) > 0) }
	}
	return nil
}

func flag(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// countLabels counts as Loki does: service_name may always be there.
func countLabels(labels []label) int {
	n := len(labels)
	for _, l := range labels {
		if l.name == lokientry.ServiceName {
			n--
		}
	}
	return n
}

// validLabels reports whether Loki can read labels. It takes bytes that are no
// character, and refuses the character that stands for them.
func validLabels(labels []label) bool {
	for _, l := range labels {
		if !model.LegacyValidation.IsValidLabelName(l.name) || strings.Contains(l.value, string(utf8.RuneError)) {
			return false
		}
	}
	return true
}

// missingLabels returns those of the names that labels lack. Without names it is
// that of a label which every stream may have, if there is none at all.
func missingLabels(labels []label, names []string) []string {
	if len(names) == 0 {
		if len(labels) == 0 {
			return []string{lokientry.ServiceName}
		}
		return nil
	}
	var lack []string
	for _, name := range names {
		found := false
		for _, l := range labels {
			found = found || l.name == name
		}
		if !found {
			lack = append(lack, name)
		}
	}
	return lack
}

// each calls f with each entry of the segments and with its place in b.order.
func (b *Batch) each(segs []segment, f func(stream, entry, at int32)) {
	for _, s := range segs {
		for at := s.from; at < s.to; at++ {
			f(s.stream, b.order[at], at)
		}
	}
}

// split returns the entries that are certainly refused, and the others.
func (b *Batch) split(segs []segment, refusals []refusal) (hits []hit, rest []segment) {
	judges := make([]judge, len(refusals))
	for k := range refusals {
		judges[k] = b.judgeOf(&refusals[k], segs)
	}
	for _, s := range segs {
		run := segment{stream: s.stream, from: s.from, to: s.from}
		for at := s.from; at < s.to; at++ {
			i := b.order[at]
			guilty := -1
			for k, is := range judges {
				if is(s.stream, i) {
					guilty = k
					break
				}
			}
			if guilty < 0 {
				run.to = at + 1
				continue
			}
			hits = append(hits, hit{entry: i, stream: s.stream, refusal: refusals[guilty]})
			if run.len() > 0 {
				rest = append(rest, run)
			}
			run.from, run.to = at+1, at+1
		}
		if run.len() > 0 {
			rest = append(rest, run)
		}
	}
	return hits, rest
}

// halve cuts segments in two parts of as many entries.
func halve(segs []segment) (head, tail []segment) {
	half := count(segs) / 2
	for i, s := range segs {
		if n := s.len(); n <= half {
			half -= n
			continue
		}
		middle := s.from + int32(half)
		head = append([]segment{}, segs[:i]...)
		if half > 0 {
			head = append(head, segment{stream: s.stream, from: s.from, to: middle})
		}
		tail = append([]segment{{stream: s.stream, from: middle, to: s.to}}, segs[i+1:]...)
		return head, tail
	}
	return segs, nil
}

func count(segs []segment) int {
	n := 0
	for _, s := range segs {
		n += s.len()
	}
	return n
}
