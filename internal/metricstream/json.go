package metricstream

import (
	"bytes"
	"strconv"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// beginsObject reports whether the first byte that is no white space, if any, opens
// an object.
func beginsObject(rec []byte) bool {
	i := jsonscan.SkipSpace(rec, 0)
	return i == len(rec) || rec[i] == '{'
}

// nextJSON goes to the next object. Objects stand in lines of their own, and may
// stand back to back.
func (p *Parser) nextJSON() bool {
	begin := jsonscan.SkipSpace(p.rest, 0)
	if begin == len(p.rest) {
		p.rest = nil
		return false
	}
	end, ok := jsonscan.SkipValue(p.rest, begin)
	if !ok {
		end = len(p.rest) // What is broken is broken to the end of its line.
		if n := bytes.IndexByte(p.rest[begin:], '\n'); n >= 0 {
			end = begin + n
		}
	}
	object := jsonscan.Value(p.rest[begin:end])
	p.rest = p.rest[end:]
	if !ok || !object.IsObject() {
		return p.failed(FlawJSON, object)
	}
	p.datum.reset()
	if !p.readObject(object) || !p.datum.finish() {
		return p.failed(FlawDatum, object)
	}
	return true
}

// readObject reads the object of a datum, and reports whether what it knows of it
// has the types that it must have.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-metric-streams-formats-json.html
func (p *Parser) readObject(object jsonscan.Value) bool {
	d, ok := &p.datum, true
	for members := jsonscan.Object(object, 0); ok && members.Next(); {
		value := members.Value()
		switch string(p.text(members.RawKey())) {
		case "account_id":
			d.Account, ok = p.stringOf(value)
		case "region":
			d.Region, ok = p.stringOf(value)
		case "namespace":
			d.Namespace, ok = p.stringOf(value)
		case "metric_name":
			d.Name, ok = p.stringOf(value)
		case "timestamp":
			var millis float64
			millis, ok = number(value)
			ok = ok && millis >= 0 && millis <= maxMillis
			d.Millis = int64(millis)
		case "dimensions":
			ok = p.readDimensions(value)
		case "value":
			ok = p.readStatistics(value)
		}
	}
	return ok
}

// maxMillis is the last millisecond of the year 9999. Up to there a float holds
// every one.
const maxMillis = 253_402_300_799_999

func (p *Parser) readDimensions(object jsonscan.Value) bool {
	p.datum.Dimensions = p.datum.Dimensions[:0]
	if isNull(object) {
		return true
	}
	if !object.IsObject() {
		return false
	}
	for members := jsonscan.Object(object, 0); members.Next(); {
		value, ok := p.stringOf(members.Value())
		if !ok || len(p.datum.Dimensions) > maxDimensions {
			return false
		}
		p.datum.setDimension(p.text(members.RawKey()), value)
	}
	return true
}

// statisticNames are the names of statistics that the format abbreviates.
var statisticNames = map[string][]byte{
	"count": statSampleCount, "sum": statSum, "min": statMinimum, "max": statMaximum,
}

func (p *Parser) readStatistics(object jsonscan.Value) bool {
	p.datum.Statistics = p.datum.Statistics[:0]
	if !object.IsObject() {
		return false
	}
	for members := jsonscan.Object(object, 0); members.Next(); {
		value, ok := number(members.Value())
		if !ok || len(p.datum.Statistics) > maxStatistics {
			return false
		}
		name := p.text(members.RawKey())
		if known, ok := statisticNames[string(name)]; ok {
			name = known
		}
		p.datum.setStatistic(name, value)
	}
	return true
}

// stringOf returns the text of a string, and nothing for null.
func (p *Parser) stringOf(v jsonscan.Value) (text []byte, ok bool) {
	if isNull(v) {
		return nil, true
	}
	return p.text(v), v.IsString()
}

// text returns the text of a string. It points into the record where it can, and
// into scratch otherwise, whose memory stays as it is when scratch moves on.
func (p *Parser) text(v jsonscan.Value) []byte {
	if text, plain := v.Text(); plain {
		return text
	}
	begin := len(p.scratch)
	p.scratch = v.AppendText(p.scratch)
	return p.scratch[begin:len(p.scratch):len(p.scratch)]
}

func isNull(v jsonscan.Value) bool { return string(v) == "null" }

// number returns the value of a number. One that is too large for a float is none.
func number(v jsonscan.Value) (float64, bool) {
	if !v.IsNumber() {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(v), 64)
	return n, err == nil
}
