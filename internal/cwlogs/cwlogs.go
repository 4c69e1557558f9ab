// Package cwlogs reads the envelope in which a CloudWatch Logs subscription
// hands log events to Firehose.
//
// Specification: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
package cwlogs

import (
	"strconv"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// MessageType says what an envelope carries.
type MessageType uint8

const (
	// Data is an envelope with log events.
	Data MessageType = iota + 1
	// Control is CloudWatch's probe of the destination; it carries no log.
	Control
)

// Envelope is what the events of one envelope have in common. Its byte slices
// are the envelope's own text and live as long as that.
type Envelope struct {
	Type MessageType
	// Owner is the account id of the log group, unless Account says otherwise.
	Owner []byte
	// LogGroup and LogStream name where the events were read.
	LogGroup, LogStream []byte
	// Filters is the JSON array of the names of the subscription filters.
	Filters jsonscan.Value

	b         []byte
	events    int  // Where the list of events begins, 0 when there is none.
	hasEvents bool // A member is called so, whatever it is.
}

// Event is one log event. Its byte slices live as long as the envelope's text.
type Event struct {
	// ID is unique for the event in CloudWatch Logs; 56 digits.
	ID []byte
	// Nanos is the event time in nanoseconds since the epoch; CloudWatch keeps
	// milliseconds. HasTime is false when it is missing or no whole number.
	Nanos   int64
	HasTime bool
	// Message is the JSON string that holds the log line.
	Message jsonscan.Value
	// Text is what Message means, after Events.NextText. It lives in the envelope's
	// text or in the arena.
	Text []byte
	// Raw is the event as it is written.
	Raw jsonscan.Value
	// Account and Region are the true origin of an event that was centralised
	// from another account; empty when the filter does not emit them.
	Account, Region []byte
}

// Parse reads the envelope that begins at b[0]; something else may follow it. ok is
// false when there is none: an object without logEvents and messageType is somebody
// else's.
//
// The keys come in any order, but in that of AWS the events are the last that is of
// interest, and are then not looked at: damage in them shows when they are read.
func Parse(b []byte) (env Envelope, ok bool) {
	env.b = b
	i := jsonscan.SkipSpace(b, 1)
	if len(b) == 0 || b[0] != '{' {
		return env, false
	}
	for i < len(b) && b[i] == '"' && !env.isKnown() {
		key, at, ok := keyAt(b, i)
		if !ok {
			break
		}
		if string(key) == "logEvents" {
			env.hasEvents = true
			if at < len(b) && b[at] == '[' {
				env.events = at
			}
			if env.isKnown() {
				break
			}
		}
		end, ok := jsonscan.SkipValue(b, at)
		if !ok {
			break
		}
		env.member(key, b[at:end])
		if i = jsonscan.SkipSpace(b, end); i >= len(b) || b[i] != ',' {
			break
		}
		i = jsonscan.SkipSpace(b, i+1)
	}
	return env, env.Type != 0 && env.events > 0
}

// isKnown reports whether all members have been met.
func (e *Envelope) isKnown() bool {
	return e.Type != 0 && e.events > 0 && e.Owner != nil && e.LogGroup != nil && e.LogStream != nil && e.Filters != nil
}

// member takes a member of the envelope.
func (e *Envelope) member(key []byte, v jsonscan.Value) {
	switch string(key) {
	case "messageType":
		e.Type = messageType(v)
	case "owner":
		e.Owner = plainText(v)
	case "logGroup":
		e.LogGroup = plainText(v)
	case "logStream":
		e.LogStream = plainText(v)
	case "subscriptionFilters":
		e.Filters = v
	}
}

// keyAt returns the key at b[i], as it is written, and where its value begins.
func keyAt(b []byte, i int) (key []byte, at int, ok bool) {
	end, _, ok := jsonscan.SkipString(b, i)
	if !ok {
		return nil, end, false
	}
	if at = jsonscan.SkipSpace(b, end); at >= len(b) || b[at] != ':' {
		return nil, at, false
	}
	return b[i+1 : end-1], jsonscan.SkipSpace(b, at+1), true
}

// HasEvents reports whether the object has a member of that name, which makes it
// an envelope, if a damaged one.
func (e *Envelope) HasEvents() bool { return e.hasEvents }

func messageType(v jsonscan.Value) MessageType {
	switch string(v) {
	case `"DATA_MESSAGE"`:
		return Data
	case `"CONTROL_MESSAGE"`:
		return Control
	}
	return 0
}

// plainText returns the meaning of a string. The names that AWS allows for log
// groups, streams and accounts need no escapes but \/, which only hand-made
// envelopes have: those pay an allocation.
func plainText(v jsonscan.Value) []byte {
	text, plain := v.Text()
	if plain {
		return text
	}
	return v.AppendText(nil)
}

// Events returns a walk over the envelope's log events.
func (e *Envelope) Events() Events { return Events{b: e.b, i: e.events} }

// Events walks log events in their order.
type Events struct {
	b     []byte
	i     int
	begun bool
	done  bool
	whole bool
	ev    Event
}

// Next moves to the next event and reports whether there is one. An element that
// is no object comes as an event with nothing but Raw.
func (e *Events) Next() bool {
	_, ok := e.next(nil, false)
	return ok
}

// NextText is Next for who wants Event.Text, and reads it in the same pass. Where
// that differs from the envelope's text it is appended to arena, whose longer self
// is returned.
func (e *Events) NextText(arena []byte) (longer []byte, ok bool) { return e.next(arena, true) }

// From returns where the current event begins.
func (e *Events) From() int { return e.i - len(e.ev.Raw) }

// End returns where the envelope ends, after Next has returned false; or where the
// damage begins if whole is false: at an event, or behind the last of them.
func (e *Events) End() (end int, whole bool) { return e.i, e.whole }

func (e *Events) next(arena []byte, text bool) (longer []byte, ok bool) {
	if e.done {
		return arena, false
	}
	b := e.b
	i := jsonscan.SkipSpace(b, e.i)
	switch {
	case i >= len(b):
	case b[i] == ']':
		e.finish(i + 1)
		return arena, false
	case !e.begun:
		if i = jsonscan.SkipSpace(b, i+1); i < len(b) && b[i] == ']' {
			e.finish(i + 1)
			return arena, false
		}
		e.i, e.begun = i, true
	case b[i] == ',':
		i = jsonscan.SkipSpace(b, i+1)
	default:
		i = len(b)
	}
	arena, end, ok := e.event(arena, i, text)
	if !ok {
		e.done = true
		return arena, false
	}
	e.ev.Raw, e.i = b[i:end], end
	return arena, true
}

// event reads the event at b[i], and returns its end.
func (e *Events) event(arena []byte, i int, text bool) (longer []byte, end int, ok bool) {
	b, ev := e.b, &e.ev
	*ev = Event{}
	if i >= len(b) || b[i] != '{' {
		end, ok = jsonscan.SkipValue(b, i)
		return arena, end, ok
	}
	i = jsonscan.SkipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return arena, i + 1, true
	}
	for i < len(b) && b[i] == '"' {
		key, at, ok := keyAt(b, i)
		if !ok {
			return arena, at, false
		}
		if text && at < len(b) && b[at] == '"' && string(key) == "message" {
			ev.Text, arena, end, ok = jsonscan.ReadString(arena, b, at)
		} else {
			end, ok = jsonscan.SkipValue(b, at)
		}
		if !ok {
			return arena, end, false
		}
		ev.member(key, b[at:end])
		i = jsonscan.SkipSpace(b, end)
		if i < len(b) && b[i] == '}' {
			return arena, i + 1, true
		}
		if i >= len(b) || b[i] != ',' {
			return arena, i, false
		}
		i = jsonscan.SkipSpace(b, i+1)
	}
	return arena, i, false
}

// finish goes on behind the list of events, to the end of the envelope.
func (e *Events) finish(i int) {
	e.done, e.i = true, i
	b := e.b
	for i = jsonscan.SkipSpace(b, i); i < len(b); i = jsonscan.SkipSpace(b, i) {
		if b[i] == '}' {
			e.i, e.whole = i+1, true
			return
		}
		if b[i] != ',' {
			return
		}
		if i = jsonscan.SkipSpace(b, i+1); i >= len(b) || b[i] != '"' {
			return
		}
		_, at, ok := keyAt(b, i)
		if !ok {
			return
		}
		if i, ok = jsonscan.SkipValue(b, at); !ok {
			return
		}
	}
}

// Event returns the current event. It is overwritten by Next.
func (e *Events) Event() *Event { return &e.ev }

// member takes a member of the event.
func (e *Event) member(key []byte, v jsonscan.Value) {
	switch string(key) {
	case "id":
		e.ID = plainText(v)
	case "timestamp":
		e.Nanos, e.HasTime = millis(v)
	case "message":
		e.Message = v
	case "extractedFields":
		e.extracted(v)
	}
}

func (e *Event) extracted(v jsonscan.Value) {
	m := jsonscan.Object(v, 0)
	for m.Next() {
		switch string(m.Key()) {
		case "@aws.account":
			e.Account = plainText(m.Value())
		case "@aws.region":
			e.Region = plainText(m.Value())
		}
	}
}

// maxMillis is the last millisecond that int64 nanoseconds can hold, in 2262.
const maxMillis = (1<<63 - 1) / 1_000_000

func millis(v jsonscan.Value) (nanos int64, ok bool) {
	text, _ := v.Text()
	ms, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || ms < 0 || ms > maxMillis {
		return 0, false
	}
	return ms * 1_000_000, true
}
