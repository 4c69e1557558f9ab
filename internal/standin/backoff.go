package standin

import "time"

const (
	backoffFactor = 2
	backoffJitter = 0.15
	// maxBackoffUnits is Firehose's longest wait of 2 minutes in units of its
	// first of 1 second.
	maxBackoffUnits = 120
)

// Backoff returns how long Firehose waits before a retry, the first one being 1.
// It starts with the unit, doubles, varies by 15 % and never exceeds 120 units.
// The jitter is a random number from -1 to 1.
//
// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
func Backoff(retry int, unit time.Duration, jitter float64) time.Duration {
	longest := float64(unit) * maxBackoffUnits
	wait := float64(unit)
	for i := 1; i < retry && wait < longest; i++ {
		wait *= backoffFactor
	}
	wait = min(wait, longest) * (1 + backoffJitter*jitter)
	return time.Duration(min(wait, longest))
}
