// Package timestamp reads the times that log lines and their carriers state,
// completes those that lack a year, a zone or a date, and chooses among several
// times of one line.
//
// Times are nanoseconds since 1970-01-01T00:00:00Z without leap seconds, in an
// int64: years 1678 to 2261. Every function here is pure: it keeps nothing, it
// never asks for the present time, it allocates nothing.
package timestamp

// Source says where a time came from.
type Source uint8

// The sources. The order of the constants is no order of trust: see Policy.
const (
	// None is the source of no time at all.
	None Source = iota
	// CRI is the container runtime: the CRI prefix, docker's time.
	CRI
	// Record is a key that the shipper put into its record.
	Record
	// Line is the application's own text.
	Line
	// CloudWatch is the timestamp of a CloudWatch log event.
	CloudWatch
	// Firehose is the timestamp of the delivery request.
	Firehose
	// Now is the arrival at this process.
	Now

	numSources = int(Now) + 1
)

var sourceNames = [numSources]string{"none", "cri", "record", "line", "cloudwatch", "firehose", "now"}

// String returns the name of the source as configurations, structured metadata
// and metrics spell it. It is a constant and is safe to keep.
func (s Source) String() string {
	if int(s) >= numSources {
		return sourceNames[None]
	}
	return sourceNames[s]
}

// ParseSource returns the source with that name. None has no name to ask for.
func ParseSource(name string) (Source, bool) {
	for s := CRI; s <= Now; s++ {
		if sourceNames[s] == name {
			return s, true
		}
	}
	return None, false
}
