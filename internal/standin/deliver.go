package standin

import (
	"context"
	"time"
)

// Outcome is what became of a delivery.
type Outcome string

const (
	// Accepted means that the endpoint answered 200 as Firehose demands.
	Accepted Outcome = "accepted"
	// BackedUp means that the retry duration ended and the records are in the
	// backup folder.
	BackedUp Outcome = "backed_up"
	// Failed means that the retry duration ended and there is no backup folder.
	Failed Outcome = "failed"
	// Discarded means that the endpoint answered 413: Firehose neither retries
	// nor backs up.
	Discarded Outcome = "discarded"
	// Aborted means that the delivery was neither accepted nor given up: the
	// context ended, or it could not be sent or backed up. Result.Err says why.
	Aborted Outcome = "aborted"
)

// Attempt is one request of a delivery.
type Attempt struct {
	// Status is the HTTP status, or 0 when there was no answer.
	Status int
	// Code is Firehose's error code, empty when the answer was a success.
	Code ErrorCode
	// Message explains the code, at most 8,192 bytes.
	Message string
	// Latency is from the start of the request to the end of the answer.
	Latency time.Duration
}

// Result is what became of a delivery, and how.
type Result struct {
	RequestID string
	Outcome   Outcome
	Records   int
	// RawBytes is the size of the records' data.
	RawBytes int64
	// WireBytes is the size of the body as it was sent, once.
	WireBytes int64
	// Attempts are in order. Every one has the same request id and body.
	Attempts []Attempt
	// BackupFile is the file with the records, when Outcome is BackedUp.
	BackupFile string
	// Err is set when Outcome is Aborted.
	Err error
}

// Deliver posts the delivery until it is accepted or given up by Firehose's
// rules: the retry duration starts with the first failure, and a retry starts
// only while it lasts.
func (s *Sender) Deliver(ctx context.Context, d *Delivery) Result {
	res := Result{RequestID: d.id, Records: len(d.records), RawBytes: d.raw, Outcome: Aborted}
	if res.Err = d.Seal(); res.Err != nil {
		return res
	}
	res.WireBytes = int64(len(d.wire))
	var deadline time.Time
	for {
		a := s.attempt(ctx, d)
		res.Attempts = append(res.Attempts, a)
		if a.Code == "" {
			res.Outcome = Accepted
			return res
		}
		if res.Err = ctx.Err(); res.Err != nil {
			return res
		}
		if a.permanent() {
			res.Outcome = Discarded
			return res
		}
		now := s.opts.Clock.Now()
		if s.opts.Hopeless != nil && s.opts.Hopeless(a) {
			s.giveUp(d, now, &res)
			return res
		}
		retry := len(res.Attempts)
		if retry == 1 {
			deadline = now.Add(s.opts.RetryDuration)
		}
		wait := Backoff(retry, s.opts.RetryUnit, d.jitter(retry))
		if !now.Add(wait).Before(deadline) {
			s.giveUp(d, now, &res)
			return res
		}
		if res.Err = s.opts.Clock.Sleep(ctx, wait); res.Err != nil {
			return res
		}
	}
}

// giveUp backs up the records of a delivery whose retry duration is over.
func (s *Sender) giveUp(d *Delivery, now time.Time, res *Result) {
	if s.opts.BackupDir == "" {
		res.Outcome = Failed
		return
	}
	res.BackupFile, res.Err = s.backUp(d, now, res.Attempts)
	if res.Err == nil {
		res.Outcome = BackedUp
	}
}
