package lokipush

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/grafana/loki/pkg/push"
	"github.com/prometheus/common/model"

	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/lokientry"
)

// The structured metadata of entries that Loki has refused in their own form.
// Beside it are lokientry's MetadataTrueTime, where the time is another, and
// MetadataPartial, where the entry is a piece of a line.
const (
	// MetadataMended lists the reasons, in their order, with commas.
	MetadataMended = "mended"
	// MetadataPart says which piece of a line this is: 2/3.
	MetadataPart = "part"
	// MetadataOriginalLabels are all labels as they were, where some are changed.
	MetadataOriginalLabels = "original_labels"
)

// ownMetadata are the names that stay when not all structured metadata can.
var ownMetadata = []string{
	MetadataMended, lokientry.MetadataTrueTime, lokientry.MetadataPartial, MetadataPart, lokientry.MetadataLevel,
	lokientry.MetadataSource, MetadataOriginalLabels,
}

// form is what has been done to an entry of a batch.
type form struct {
	origin  int32 // Its place in the first batch.
	reasons []Reason
}

func (b *Batch) originOf(entry int32) int32 {
	if b.forms == nil {
		return entry
	}
	return b.forms[entry].origin
}

// next returns what has been done to an entry once its refusal is answered.
func (b *Batch) next(h hit) form {
	f := form{origin: b.originOf(h.entry), reasons: []Reason{h.reason}}
	if b.forms != nil {
		f.reasons = append(slices.Clone(b.forms[h.entry].reasons), h.reason)
	}
	return f
}

// mend returns another form of each entry that was refused: the one that answers
// to the reason, or the plain one.
func (r *run) mend(b *Batch, plain bool, now time.Time) (entries []loki.Entry, forms []form) {
	if r.mended == nil {
		r.mended = map[int32]Reason{}
	}
	r.bare = r.bare || slices.ContainsFunc(r.hits, func(h hit) bool { return h.reason == MetadataDisallowed })
	// In the order in which they came, so that a repetition is a repetition.
	slices.SortFunc(r.hits, func(x, y hit) int { return cmp.Compare(x.entry, y.entry) })
	for _, h := range r.hits {
		f := b.next(h)
		if _, ok := r.mended[f.origin]; !ok {
			r.mended[f.origin] = h.reason
		}
		as := how{plain: plain || h.reason == Unknown, bare: r.bare, now: now}
		for _, e := range b.mend(h, as, f.reasons) {
			entries, forms = append(entries, e), append(forms, f)
		}
	}
	return entries, forms
}

// how says what else there is to the form of an entry.
type how struct {
	plain bool // Never mind the reason.
	bare  bool // No structured metadata is allowed.
	now   time.Time
}

// draft is an entry that gets another form.
type draft struct {
	labels    []label
	tenant    string
	hasTenant bool
	at        time.Time
	line      string
	metadata  []push.LabelAdapter
	pieces    int // The largest length of a piece of the line, 0 for all of it.
	how
}

// mend returns the entries in the place of one that was refused. No part of it is
// lost: what cannot stay where it was is in the structured metadata, and what
// cannot be there is at the end of the line. The same entry has the same form for
// ten minutes, so that a delivery that comes again is a repetition.
func (b *Batch) mend(h hit, as how, reasons []Reason) []loki.Entry {
	e, st := &b.entries[h.entry], &b.streams[h.stream]
	d := draft{
		labels: b.labelsOf(st), tenant: st.tenant, hasTenant: st.hasTenant,
		at: e.Timestamp, line: e.Line, metadata: slices.Clone(e.StructuredMetadata), how: as,
	}
	names := make([]string, len(reasons))
	for i, r := range reasons {
		names[i] = string(r)
	}
	d.set(MetadataMended, strings.Join(names, ","))
	if d.plain {
		d.makePlain()
	} else {
		d.answer(&h.refusal)
	}
	if d.bare {
		d.spill(0, -1)
	}
	return d.entries(e)
}

// answer does what a refusal asks for.
func (d *draft) answer(r *refusal) {
	switch r.reason {
	case TooFarBehind:
		d.moveAfter(r.limit)
	case TooOld, TooNew: // The oldest allowed time would be too far behind next.
		d.moveBefore()
	case LineTooLong:
		d.pieces = max(int(r.limit), minPiece)
	case EntryTooLarge:
		d.pieces = max(len(d.line)/2, minPiece)
	case MetadataDisallowed: // Seen to for every form from now on.
	case MetadataTooLarge:
		d.spill(r.limit, -1)
	case MetadataTooMany:
		d.spill(-1, r.limit)
	default:
		d.answerLabels(r)
	}
}

// minPiece is the shortest piece that a line is cut into: more of them are not
// worth having.
const minPiece = 64

// plainPiece is the length of the pieces of a plain entry.
const plainPiece = 8 << 10

// makePlain turns a draft into what Loki is most likely to take: one label, a
// time of today, a short line and little else.
func (d *draft) makePlain() {
	service := lokientry.UnknownService
	for _, l := range d.labels {
		if l.name == lokientry.ServiceName && len(l.value) <= 256 && utf8.ValidString(l.value) {
			service = l.value
		}
	}
	d.keepLabels()
	d.labels = []label{{lokientry.ServiceName, service}}
	d.moveBefore()
	d.spill(4<<10, 8)
	d.line = strings.ToValidUTF8(d.line, string(utf8.RuneError))
	d.pieces = plainPiece
}

// moveGrid is how long an entry gets the same time when it has to be moved. A
// shorter time would make repetitions less alike, a longer one would move entries
// further than necessary, and in the end out of the hour that Loki allows.
const moveGrid = 10 * time.Minute

// moveMargin is kept from the oldest time that Loki allows, which moves on.
const moveMargin = time.Minute

// moveAfter moves the entry to the first full ten minutes that Loki allows. Within
// them it keeps its place, and so entries keep their distance.
func (d *draft) moveAfter(oldest int64) {
	grid := int64(moveGrid)
	cell := (oldest + int64(moveMargin) + grid - 1) / grid * grid
	if oldest <= 0 || cell > d.now.UnixNano() {
		d.moveBefore() // That is no limit of Loki.
		return
	}
	d.move(cell)
}

// moveBefore moves the entry to the last ten minutes that are over.
func (d *draft) moveBefore() {
	d.move(d.now.Truncate(moveGrid).Add(-moveGrid).UnixNano())
}

func (d *draft) move(cell int64) {
	grid := int64(moveGrid)
	within := nanosOf(d.at) % grid
	if within < 0 {
		within += grid
	}
	if !d.has(lokientry.MetadataTrueTime) {
		d.set(lokientry.MetadataTrueTime, d.at.UTC().Format(time.RFC3339Nano))
	}
	d.at = time.Unix(0, cell+within)
}

func (d *draft) has(name string) bool {
	return slices.ContainsFunc(d.metadata, func(l push.LabelAdapter) bool { return l.Name == name })
}

// set gives the entry structured metadata.
func (d *draft) set(name, value string) {
	for i := range d.metadata {
		if d.metadata[i].Name == name {
			d.metadata[i].Value = value
			return
		}
	}
	d.metadata = append(d.metadata, push.LabelAdapter{Name: name, Value: value})
}

// spill leaves structured metadata of a size, of a number, or of both, where they
// are not negative, and writes the rest at the end of the line, as logfmt.
func (d *draft) spill(size, number int64) {
	// The entry's pieces may still get two more.
	const part = int64(len(lokientry.MetadataPartial) + len("true") + len(MetadataPart) + len("1000/1000"))
	if size >= 0 {
		size = max(size-part, 0)
	}
	if number >= 0 {
		number = max(number-2, 0)
	}
	slices.SortStableFunc(d.metadata, func(x, y push.LabelAdapter) int { return cmp.Compare(rank(x.Name), rank(y.Name)) })
	var kept []push.LabelAdapter
	var line strings.Builder
	line.WriteString(d.line)
	for _, l := range d.metadata {
		takes := int64(len(l.Name) + len(l.Value))
		if (size < 0 || takes <= size) && number != 0 {
			kept = append(kept, l)
			if size >= 0 {
				size -= takes
			}
			number-- // A negative one stays negative.
			continue
		}
		fmt.Fprintf(&line, " %s=%s", l.Name, quoteValue(l.Value))
	}
	d.metadata, d.line = kept, line.String()
}

// rank is lower for what is better kept.
func rank(name string) int {
	if i := slices.Index(ownMetadata, name); i >= 0 {
		return i
	}
	return len(ownMetadata)
}

// quoteValue returns a value as logfmt has it.
func quoteValue(value string) string {
	plain := value != "" && utf8.ValidString(value) && !strings.ContainsFunc(value, func(c rune) bool {
		return c <= ' ' || c == '"' || c == '=' || c == utf8.RuneError || c == 0x7f
	})
	if plain {
		return value
	}
	return strconv.Quote(value)
}

// keepLabels notes how the labels are before they are changed.
func (d *draft) keepLabels() {
	if d.has(MetadataOriginalLabels) {
		return
	}
	text := string(appendLabels(nil, d.labels))
	// Loki would make a space of it.
	d.set(MetadataOriginalLabels, strings.ReplaceAll(text, string(utf8.RuneError), `\ufffd`))
}

// Lengths that Loki allows by default, max_label_name_length and
// max_label_value_length: its answer does not tell.
const (
	defaultNameLength  = 1024
	defaultValueLength = 2048
)

// UnknownLabel is the value of a label that Loki insists on and an entry lacks.
const UnknownLabel = "unknown"

func (d *draft) answerLabels(r *refusal) {
	d.keepLabels()
	switch r.reason {
	case TooManyLabels:
		d.dropLabels(int(r.limit))
	case LabelNameTooLong:
		limit := min(longestName(d.labels)-1, defaultNameLength)
		d.labels = slices.DeleteFunc(d.labels, func(l label) bool { return len(l.name) > limit })
	case LabelValueTooLong:
		longest := longestValue(d.labels)
		limit := defaultValueLength
		if longest <= limit {
			limit = longest / 2
		}
		for i := range d.labels {
			d.labels[i].value = cut(d.labels[i].value, limit)
		}
	case LabelsInvalid:
		d.cleanLabels()
	case LabelsMissing:
		for _, name := range missingLabels(d.labels, r.names) {
			value := UnknownLabel
			if name == lokientry.ServiceName {
				value = lokientry.UnknownService
			}
			d.labels = append(d.labels, label{name, value})
		}
	}
	if len(d.labels) == 0 {
		d.labels = []label{{lokientry.ServiceName, lokientry.UnknownService}}
	}
}

func longestName(labels []label) int {
	n := 0
	for _, l := range labels {
		n = max(n, len(l.name))
	}
	return n
}

func longestValue(labels []label) int {
	n := 0
	for _, l := range labels {
		n = max(n, len(l.value))
	}
	return n
}

// dropLabels leaves the first labels by name, and service_name.
func (d *draft) dropLabels(number int) {
	d.labels = slices.DeleteFunc(d.labels, func(l label) bool {
		if l.name == lokientry.ServiceName {
			return false
		}
		number--
		return number < 0
	})
}

// cleanLabels gives labels names and values that Loki can read.
func (d *draft) cleanLabels() {
	seen := map[string]bool{}
	d.labels = slices.DeleteFunc(d.labels, func(l label) bool {
		name := cleanName(l.name)
		again := seen[name]
		seen[name] = true
		return again
	})
	for i := range d.labels {
		l := &d.labels[i]
		l.name = cleanName(l.name)
		l.value = strings.ReplaceAll(strings.ToValidUTF8(l.value, badRune), string(utf8.RuneError), badRune)
	}
}

// badRune replaces what is no character. The character that Unicode has for that
// is one that Loki refuses.
const badRune = "?"

func cleanName(name string) string {
	if model.LegacyValidation.IsValidLabelName(name) {
		return name
	}
	if name == "" {
		return "_"
	}
	clean := []byte(name)
	for i, c := range clean {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9' && i > 0
		if !letter && !digit {
			clean[i] = '_'
		}
	}
	if text := string(clean); !strings.HasPrefix(text, model.ReservedLabelPrefix) {
		return text
	}
	return "_" + strings.TrimLeft(string(clean), "_")
}

// entries returns the entries of a draft.
func (d *draft) entries(of *loki.Entry) []loki.Entry {
	set := make(model.LabelSet, len(d.labels)+1)
	for _, l := range d.labels {
		set[model.LabelName(l.name)] = model.LabelValue(l.value)
	}
	if d.hasTenant {
		set[lokientry.LabelTenant] = model.LabelValue(d.tenant)
	}
	pieces := piecesOf(d.line, d.pieces)
	out := make([]loki.Entry, 0, len(pieces))
	for i, piece := range pieces {
		e := push.Entry{Timestamp: d.at.Add(time.Duration(i)), Line: piece, StructuredMetadata: d.metadata}
		if len(pieces) > 1 && !d.bare {
			p := draft{metadata: slices.Clone(d.metadata)}
			p.set(lokientry.MetadataPartial, "true")
			p.set(MetadataPart, fmt.Sprintf("%d/%d", i+1, len(pieces)))
			e.StructuredMetadata = p.metadata
		}
		out = append(out, loki.NewEntryWithCreatedUnixMicro(set, of.Created(), e))
	}
	return out
}

// piecesOf cuts a line into pieces of a length at most, between characters where
// it has some.
func piecesOf(line string, length int) []string {
	if length <= 0 || len(line) <= length {
		return []string{line}
	}
	var pieces []string
	for len(line) > length {
		piece := cut(line, length)
		if piece == "" || len(piece) < length-utf8.UTFMax {
			piece = line[:length] // No text.
		}
		pieces, line = append(pieces, piece), line[len(piece):]
	}
	return append(pieces, line)
}
