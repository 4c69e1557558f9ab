package appline

import (
	"math"

	"github.com/grafana/alloy/eks/internal/jsonscan"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// ReadObject reads the JSON object that begins at b[i]. end is the position
// after it. ok is false when no whole object stands there.
func ReadObject(b []byte, i int) (f Facts, end int, ok bool) {
	var o Object
	m := jsonscan.Object(b, i)
	for m.Next() {
		o.Add(m.Key(), m.Value())
	}
	if m.Err() {
		return Facts{}, 0, false
	}
	return o.Facts(), m.End(), true
}

// Object gathers the facts of an object whose members the caller walks, so that
// one walk is enough. The zero value is ready for use.
type Object struct {
	time      timestamp.Reading
	timeWorth int8 // 0 is no time. See worth.

	level      string
	levelRank  int8 // 0 is no level.
	levelIsNum bool

	mongo     string // The level that "s" would mean.
	isMongo   bool
	isSerilog bool
}

// readSome reads the members of the object at the start of b until nothing
// better can come, or to its end or its damage. It reports whether there was any
// member.
func (o *Object) readSome(b []byte) bool {
	m := jsonscan.Object(b, 0)
	any := false
	for m.Next() {
		any = true
		o.Add(m.Key(), m.Value())
		if o.settled() {
			return true
		}
	}
	return any || !m.Err()
}

// settled reports whether no further member can change the facts, but for the
// few loggers whose fields are ranked above all.
func (o *Object) settled() bool {
	return o.levelRank >= rankUsual && o.timeWorth >= worthComplete+rankUsual
}

// Facts returns what the members that were added state.
func (o *Object) Facts() Facts {
	f := Facts{Time: o.time, HasTime: o.timeWorth > 0, Level: o.level}
	if f.Level == "" && o.isMongo {
		f.Level = o.mongo
	}
	if f.Level == "" && o.isSerilog {
		f.Level = Info // Serilog leaves out the level Information.
	}
	return f
}

// The ranks of fields. Of two that state the same thing the higher counts, of
// equal ones the first.
const (
	rankLow   int8 = iota + 1 // Named so by some loggers, and by others for other things.
	rankUsual                 // What most loggers call it.
	rankHigh                  // Finer than what stands beside it.

	// worthComplete is added to the rank of a time that lacks nothing.
	worthComplete int8 = 8
)

// field says what a key holds.
type field uint8

const (
	noField field = iota
	timeField
	levelField
	pythonLevelField
	otelLevelField
	logField
	mongoLevelField
)

// fieldOf tells what loggers put under a key.
func fieldOf(key []byte) (what field, rank int8) {
	switch string(key) {
	case "time", "ts", "t", "timestamp", "@timestamp", "@t", "Timestamp", "TimeStamp", "timeStamp", "Time", "TIMESTAMP", "asctime":
		return timeField, rankUsual
	case "datetime", "date", "eventTime", "event_timestamp", "timeMillis":
		return timeField, rankLow
	case "instant", "stageTimestamp":
		return timeField, rankHigh
	case "level", "lvl", "severity", "log.level", "@l", "@level", "Level", "LEVEL", "Severity", "levelname", "level_name", "levelName",
		"LogLevel", "logLevel", "loglevel", "log_level", "severity_text", "severityText", "SeverityText":
		return levelField, rankUsual
	case "level_value", "priority", "PRIORITY":
		return levelField, rankLow
	case "levelno":
		return pythonLevelField, rankLow
	case "severity_number", "severityNumber", "SeverityNumber":
		return otelLevelField, rankLow
	case "log":
		return logField, rankUsual
	case "s":
		return mongoLevelField, rankUsual
	}
	return noField, 0
}

// Add takes one member: its key as it is written, without the quotes, and its
// value.
func (o *Object) Add(key []byte, v jsonscan.Value) {
	what, rank := fieldOf(key)
	if what == noField {
		return
	}
	if what == logField {
		o.addECS(v)
		return
	}
	if what == timeField && v.IsObject() {
		o.addTimeObject(v, rank)
		return
	}
	text, isPlain := v.Text()
	if !isPlain {
		o.addEscaped(what, rank, text)
		return
	}
	if what == timeField && v.IsNumber() && (string(key) == "time" || string(key) == "timestamp") {
		rank = rankLow // log4j2 may state the same more finely as instant.
	}
	if string(key) == "@t" {
		o.isSerilog = true
	}
	o.addText(what, rank, text)
	if o.levelIsNum && o.timeWorth == worthComplete+rankLow {
		o.timeWorth = worthComplete + rankUsual // It is pino, not log4j2.
	}
}

// addEscaped takes the text of a field that is written with escapes: .NET writes
// the plus sign of an offset as \u002B, PHP a slash as \/.
func (o *Object) addEscaped(what field, rank int8, text []byte) {
	var buf [6 * maxText]byte // Room for escapes only.
	if len(text) <= len(buf) {
		o.addText(what, rank, jsonscan.AppendUnescaped(buf[:0], text))
	}
}

// maxText is longer than every way to write a time.
const maxText = 48

// addText takes the text of a field, be it of JSON or of logfmt.
func (o *Object) addText(what field, rank int8, text []byte) {
	if len(text) == 0 || len(text) > maxText {
		return
	}
	if what == timeField {
		o.addTime(rank, text)
		return
	}
	var level string
	n, isNumber := wholeNumber(text)
	switch what {
	case pythonLevelField:
		if isNumber {
			level = pythonLevel(n)
		}
	case otelLevelField:
		if isNumber {
			level = otelLevel(n)
		}
	case mongoLevelField:
		// D is followed by its degree, D1 to D5.
		if len(text) == 1 || len(text) == 2 && text[0] == 'D' {
			o.mongo = letterLevel(text[0])
		}
		return
	case levelField:
		if isNumber {
			level = numberLevel(n)
		} else if len(text) == 1 {
			level = letterLevel(text[0])
		} else {
			level, _ = levelOf(text)
		}
	}
	if level != "" && rank > o.levelRank {
		o.level, o.levelRank, o.levelIsNum = level, rank, isNumber
	}
}

// firstEpoch is 2001-09-09T01:46:40Z, when seconds got ten digits, milliseconds
// thirteen and so on. A smaller number under the name of a time is a duration, a
// counter or a clock since start.
const (
	firstEpoch = 1_000_000_000 * second
	lastEpoch  = math.MaxInt64
	second     = 1_000_000_000
)

// addTime takes the text of a time: a date, or a number since 1970.
func (o *Object) addTime(rank int8, text []byte) {
	r, ok := timestamp.TryText(text)
	if !ok {
		if r, ok = timestamp.TryEpochReading(text); !ok || r.Nanos < firstEpoch {
			return
		}
	}
	o.offerTime(rank, r)
}

func (o *Object) offerTime(rank int8, r timestamp.Reading) {
	worth := rank
	if r.Complete() {
		worth += worthComplete
	}
	if worth > o.timeWorth {
		o.time, o.timeWorth = r, worth
	}
}

// addTimeObject takes a time that is itself an object: MongoDB's {"$date": ...},
// the {"epochSecond": ..., "nanoOfSecond": ...} of log4j2, and the {"seconds":
// ..., "nanos": ...} of Google's logging.
func (o *Object) addTimeObject(v jsonscan.Value, rank int8) {
	var sec, nano jsonscan.Value
	m := jsonscan.Object(v, 0)
	for m.Next() {
		switch string(m.Key()) {
		case "$date":
			o.addMongoDate(m.Value(), rank)
			return
		case "epochSecond", "seconds":
			sec = m.Value()
		case "nanoOfSecond", "nanos":
			nano = m.Value()
		}
	}
	s, ok1 := wholeNumber(sec)
	n, ok2 := wholeNumber(nano)
	if ok1 && ok2 && s >= firstEpoch/second && s < lastEpoch/second && n < second {
		o.offerTime(rank, timestamp.Reading{Nanos: s*second + n, Digits: 9})
	}
}

// addMongoDate takes MongoDB's date: a text, or {"$numberLong": "<ms>"}.
func (o *Object) addMongoDate(v jsonscan.Value, rank int8) {
	if v.IsObject() {
		m := jsonscan.Object(v, 0)
		if !m.Next() || string(m.Key()) != "$numberLong" {
			return
		}
		v = m.Value()
	}
	if text, isPlain := v.Text(); isPlain && len(text) <= maxText {
		o.isMongo = true
		o.addTime(rank, text)
	}
}

// addECS takes the level of the Elastic Common Schema where its dotted names
// are nested objects: {"log": {"level": "info"}}.
func (o *Object) addECS(v jsonscan.Value) {
	if !v.IsObject() {
		return
	}
	m := jsonscan.Object(v, 0)
	for m.Next() {
		if string(m.Key()) == "level" {
			if text, isPlain := m.Value().Text(); isPlain {
				o.addText(levelField, rankUsual, text)
			}
			return
		}
	}
}
