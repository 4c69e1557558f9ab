package kubelog

import (
	"bytes"

	"github.com/grafana/alloy/eks/internal/jsonscan"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// tag says which piece of a line a record holds.
type tag uint8

const (
	noTag tag = iota // Nothing says so.
	whole
	part // P: more is to come.
	tail // F: a whole line, or the last piece of one.
)

// tagOf reads a CRI tag, P or F with or without colon-separated additions.
func tagOf(cri []byte) tag {
	if len(cri) > 0 && cri[0] == 'P' {
		return part
	}
	return tail
}

// fields is what stands at the top level of an object that a log shipper wrote.
//
// Whose a key is depends on where it stands. Fluent Bit writes the keys of its
// parser first (time, stream, _p or logtag, log), then those that the kubernetes
// filter merged from the application's JSON line, then kubernetes itself, and
// last the time_key of its output. A merged key takes away the parser's key of
// the same name, at its own later place.
type fields struct {
	log, message jsonscan.Value
	logAt        int // How many of extras stand before log.
	stream       string
	tag          tag
	multiline    bool // The tag stood under _p: the multiline parser was at work.

	time    int64 // The runtime's time, moved into a key by the parser.
	hasTime bool
	late    int64 // The output's time_key, or the time that a shipper put first.
	hasLate bool

	kubernetes, namespace jsonscan.Value
	lifted                []member
	extras                []member // All other members, in their order.
	// amidst is set when kubernetes stands amidst the extras. Fluent Bit appends
	// its own; a record of metrics has it in alphabetical order.
	amidst   bool
	envelope bool // A CloudWatch Logs envelope's keys were met.

	known *recentObject // kubernetes, if it was met lately.

	// These outlive the object.
	recent  *recent
	scanner *jsonscan.Scanner // For kubernetes objects that were not met lately.
}

// scan reads the members of the object that opens at b[i], as far as it is JSON,
// and returns the position after it. ok is false when it does not end.
func (f *fields) scan(b []byte, i int) (end int, ok bool) {
	*f = fields{lifted: f.lifted[:0], extras: f.extras[:0], recent: f.recent, scanner: f.scanner}
	m := jsonscan.Object(b, i)
	for m.NextKey() {
		if !f.readValue(&m) {
			break
		}
		if !f.take(m.RawKey(), m.Value()) {
			f.amidst = f.kubernetes != nil
			f.extras = append(f.extras, member{key: m.RawKey(), value: m.Value()})
		}
	}
	f.takeTrailingTime()
	if f.kubernetes != nil {
		// Whoever lifts the members of kubernetes leaves none behind: these are the
		// application's own.
		f.extras = append(f.extras, f.lifted...)
		f.lifted = f.lifted[:0]
	}
	return m.End(), !m.Err()
}

// readValue reads the value of the member whose key has been read. A kubernetes
// object that was met lately is not looked through again.
func (f *fields) readValue(m *jsonscan.Members) bool {
	if string(m.RawKey()) != `"kubernetes"` {
		return m.ReadValue()
	}
	if f.known = f.recent.find(m.Rest()); f.known != nil {
		return m.SetValue(len(f.known.raw))
	}
	// Of very many pods most are not among those: half of such a record is looked
	// through, strings of a few bytes. The scanner looks ahead, which is for one object
	// of a record.
	rest := m.Rest()
	if f.kubernetes == nil && len(rest) > 0 && rest[0] == '{' {
		f.scanner.Reset(rest[:min(len(rest), maxRecent)])
		if end, ok := f.scanner.SkipValue(0); ok {
			return m.SetValue(end)
		}
	}
	return m.ReadValue()
}

// take stores a member that the shipper wrote; false when it is none of those.
func (f *fields) take(raw, v jsonscan.Value) bool {
	key := raw[1 : len(raw)-1]
	lead := len(f.extras) == 0 && f.kubernetes == nil
	switch string(key) {
	case "log":
		if f.log == nil && v.IsString() {
			f.log, f.logAt = v, len(f.extras)
			return true
		}
	case "message":
		if f.log == nil && f.message == nil && lead && v.IsString() {
			f.message = v
			return true
		}
	case "stream":
		return f.takeStream(v)
	case "_p", "logtag":
		return f.takeTag(key, v)
	case "time":
		if lead && f.takeTime(v) {
			return true
		}
	case "@timestamp", "date":
		if lead && f.log == nil && f.stream == "" && f.tag == noTag && !f.hasTime && f.takeLate(v) {
			return true
		}
	case "kubernetes":
		if v.IsObject() {
			f.kubernetes = v  // The filter appends its own last,
			f.namespace = nil // and that of the namespace behind it.
			return true
		}
	case "kubernetes_namespace":
		if v.IsObject() {
			f.namespace = v
			return true
		}
	case "messageType", "logEvents":
		f.envelope = true
	default:
		if bytes.HasPrefix(key, []byte("kubernetes_")) {
			f.lifted = append(f.lifted, member{key: raw, value: v})
			return true
		}
	}
	return f.kubernetes != nil && v.IsString() && f.takeLate(v)
}

func (f *fields) takeStream(v jsonscan.Value) bool {
	if f.stream != "" {
		return false
	}
	switch string(v) {
	case `"stdout"`:
		f.stream = timestamp.Stdout
	case `"stderr"`:
		f.stream = timestamp.Stderr
	default:
		return false
	}
	return true
}

func (f *fields) takeTag(key []byte, v jsonscan.Value) bool {
	text, _ := v.Text()
	if f.tag != noTag || !v.IsString() || len(text) == 0 || (text[0] != 'P' && text[0] != 'F') || (len(text) > 1 && text[1] != ':') {
		return false
	}
	f.tag, f.multiline = tagOf(text), key[0] == '_'
	return true
}

// takeTime takes the time that a parser kept. Once the tag has been seen, or a
// merged key, a time is the application's.
func (f *fields) takeTime(v jsonscan.Value) bool {
	if f.hasTime || f.tag != noTag {
		return false
	}
	nanos, ok := zonedTime(v)
	if !ok {
		return false
	}
	f.time, f.hasTime = nanos, true
	return true
}

// zonedTime reads a string that is a time with a zone, as runtimes write theirs.
func zonedTime(v jsonscan.Value) (nanos int64, ok bool) {
	if !v.IsString() {
		return 0, false
	}
	text, _ := v.Text()
	nanos, zoned, ok := timestamp.TryRFC3339(text)
	return nanos, ok && zoned
}

// takeLate takes a time that the output appended after everything else, under
// whatever key the user chose, or put before everything else. Fluent Bit's own
// JSON formats write it as a number of seconds.
func (f *fields) takeLate(v jsonscan.Value) bool {
	if f.hasLate {
		return false
	}
	text, _ := v.Text()
	nanos, _, ok := timestamp.TryRFC3339(text)
	if !v.IsString() {
		nanos, ok = timestamp.TryEpoch(text)
	}
	if !ok {
		return false
	}
	f.late, f.hasLate = nanos, true
	return true
}

// reclaimTime looks for the runtime's time among the extras of a record that
// still holds the line. Shippers that order keys in other ways put it there, and
// so does Merge_Log with the application's own: the line tells which it is.
func (f *fields) reclaimTime(line []byte) {
	if f.hasTime {
		return
	}
	for i, m := range f.extras {
		if string(m.key) != `"time"` {
			continue
		}
		nanos, ok := zonedTime(m.value)
		if !ok || holdsMember(line, m) {
			return
		}
		f.time, f.hasTime = nanos, true
		f.extras = append(f.extras[:i], f.extras[i+1:]...)
		return
	}
}

// holdsMember reports whether a line is a JSON object with that very member.
func holdsMember(line []byte, m member) bool {
	own := jsonscan.Object(line, jsonscan.SkipSpace(line, 0))
	for own.Next() {
		if bytes.Equal(own.RawKey(), m.key) && bytes.Equal(own.Value().AppendText(nil), m.value.AppendText(nil)) {
			return true
		}
	}
	return false
}

// takeTrailingTime finds the output's time_key in a record without kubernetes:
// the last member, without a zone, as Fluent Bit writes it by default.
func (f *fields) takeTrailingTime() {
	n := len(f.extras)
	if n == 0 || f.hasLate || (f.log == nil && f.tag == noTag) {
		return
	}
	last := f.extras[n-1]
	switch string(last.key) {
	case `"time"`, `"@timestamp"`, `"timestamp"`, `"date"`:
	default:
		return
	}
	text, _ := last.value.Text()
	if nanos, zoned, ok := timestamp.TryRFC3339(text); ok && !zoned && last.value.IsString() {
		f.late, f.hasLate = nanos, true
		f.extras = f.extras[:n-1]
	}
}

// fromShipper reports whether the object is a shipper's record, and not an
// application's own JSON line.
func (f *fields) fromShipper() bool {
	return f.log != nil || f.kubernetes != nil || len(f.lifted) > 0 || f.tag != noTag ||
		(f.stream != "" && f.hasTime) || f.fromHost()
}

// hostKeys are what Container Insights' configuration writes beside the message
// of a systemd unit or a system log. True marks those that name the origin.
// https://github.com/aws-samples/amazon-cloudwatch-container-insights
var hostKeys = map[string]bool{
	"hostname": true, "systemd_unit": true, "az": true, "ec2_instance_id": true,
	"host": true, "ident": true, "pid": false,
}

// fromHost reports whether the object is a message with nothing but host keys.
func (f *fields) fromHost() bool {
	if len(f.extras) == 0 {
		return false
	}
	message := f.message != nil
	for _, m := range f.extras {
		key := string(m.key[1 : len(m.key)-1])
		if _, ok := hostKeys[key]; !ok && key != "message" {
			return false
		}
		message = message || key == "message"
	}
	return message
}

// labels appends the members that become PrefixRecord labels.
func (f *fields) labels(dst []member, wanted map[string]bool) []member {
	if len(f.extras) == 0 {
		return dst
	}
	host := f.fromHost()
	for _, m := range f.extras {
		key := m.key[1 : len(m.key)-1]
		if (host && hostKeys[string(key)]) || (len(wanted) > 0 && wanted[sanitize(key)]) {
			dst = append(dst, m)
		}
	}
	return dst
}
