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

	events jsonscan.Value
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
	// Raw is the event as it is written.
	Raw jsonscan.Value
	// Account and Region are the true origin of an event that was centralised
	// from another account; empty when the filter does not emit them.
	Account, Region []byte
}

// Parse reads the envelope that doc, one whole JSON object, is. ok is false when
// doc is no envelope: an object without logEvents and messageType is somebody
// else's. The keys come in any order.
func Parse(doc []byte) (env Envelope, ok bool) {
	m := jsonscan.Object(doc, 0)
	for m.Next() {
		v := m.Value()
		switch string(m.Key()) {
		case "messageType":
			env.Type = messageType(v)
		case "owner":
			env.Owner = plainText(v)
		case "logGroup":
			env.LogGroup = plainText(v)
		case "logStream":
			env.LogStream = plainText(v)
		case "subscriptionFilters":
			env.Filters = v
		case "logEvents":
			env.events = v
		}
	}
	return env, !m.Err() && env.Type != 0 && env.events.IsArray()
}

// HasEvents reports whether the object has a member of that name, which makes it
// an envelope, if a damaged one.
func (e *Envelope) HasEvents() bool { return len(e.events) > 0 }

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
func (e *Envelope) Events() Events { return Events{list: jsonscan.Array(e.events, 0)} }

// Events walks log events in their order.
type Events struct {
	list jsonscan.Elements
	ev   Event
}

// Next moves to the next event and reports whether there is one. An element that
// is no object comes as an event with nothing but Raw.
func (e *Events) Next() bool {
	if !e.list.Next() {
		return false
	}
	v := e.list.Value()
	e.ev = Event{Raw: v}
	if !v.IsObject() {
		return true
	}
	m := jsonscan.Object(v, 0)
	for m.Next() {
		switch string(m.Key()) {
		case "id":
			e.ev.ID = plainText(m.Value())
		case "timestamp":
			e.ev.Nanos, e.ev.HasTime = millis(m.Value())
		case "message":
			e.ev.Message = m.Value()
		case "extractedFields":
			e.ev.extracted(m.Value())
		}
	}
	return true
}

// Event returns the current event. It is overwritten by Next.
func (e *Events) Event() *Event { return &e.ev }

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
