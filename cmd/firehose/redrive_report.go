package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/grafana/alloy/eks/internal/backup"
	"github.com/grafana/alloy/eks/internal/standin"
)

// logInterval is how often progress is told where it cannot stay on one line.
const logInterval = 10 * time.Second

// redriveSummary counts what a redrive has done.
type redriveSummary struct {
	// Objects are those of the backup, with their size in bytes; SkippedObjects
	// were delivered before, as were SkippedRecords of others.
	Objects        int   `json:"objects"`
	ObjectBytes    int64 `json:"object_bytes"`
	SkippedObjects int   `json:"skipped_objects"`
	SkippedRecords int   `json:"skipped_records"`
	// Records were read, with their data in bytes. Oldest and Newest are when
	// Firehose got them.
	Records  int        `json:"records"`
	RawBytes int64      `json:"raw_bytes"`
	Oldest   *time.Time `json:"oldest,omitempty"`
	Newest   *time.Time `json:"newest,omitempty"`
	// Failures count records by how they failed.
	Failures map[string]int `json:"failures,omitempty"`
	// Deliveries were accepted, or would be sent in a dry run, with their records.
	Deliveries       int `json:"deliveries"`
	DeliveredRecords int `json:"delivered_records"`
	// Attempts is the number of requests.
	Attempts int `json:"attempts"`
	// Refused are deliveries that were not accepted, and Unreadable places where no
	// record can be read.
	Refused    int `json:"refused"`
	Unreadable int `json:"unreadable"`
	// LastError is that of the last failed attempt.
	LastError string `json:"last_error,omitempty"`
	// Elapsed is in seconds.
	Elapsed float64 `json:"elapsed_seconds"`
}

// err returns errIncomplete if something is left.
func (s redriveSummary) err() error {
	if s.Refused == 0 && s.Unreadable == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d deliveries were refused, %d places cannot be read", errIncomplete, s.Refused, s.Unreadable)
}

// redriveReport gathers a summary. It is safe for concurrent use.
type redriveReport struct {
	// say tells of what has to be looked at.
	say func(format string, args ...any)

	mu    sync.Mutex
	begin time.Time
	sum   redriveSummary
	past  int64 // Bytes of objects that are behind.
	files int
}

func newRedriveReport() *redriveReport {
	return &redriveReport{say: func(string, ...any) {}, begin: time.Now(), sum: redriveSummary{Failures: map[string]int{}}}
}

// change lets f change the summary.
func (r *redriveReport) change(f func(s *redriveSummary)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.sum)
}

func (r *redriveReport) listed(objects []object) {
	r.change(func(s *redriveSummary) {
		s.Objects = len(objects)
		for _, o := range objects {
			s.ObjectBytes += o.Size
		}
	})
}

// read notes that an object is behind.
func (r *redriveReport) read(o object) {
	r.change(func(*redriveSummary) { r.past, r.files = r.past+o.Size, r.files+1 })
}

func (r *redriveReport) skipped(o object) {
	r.change(func(s *redriveSummary) { s.SkippedObjects++ })
	r.read(o)
}

func (r *redriveReport) skippedRecord() { r.change(func(s *redriveSummary) { s.SkippedRecords++ }) }

func (r *redriveReport) found(rec backup.Record, arrived time.Time) {
	r.change(func(s *redriveSummary) {
		s.Records++
		s.RawBytes += int64(len(rec.Data))
		if rec.Attempt.Code != "" {
			s.Failures[rec.Attempt.Code]++
		}
		if s.Oldest == nil || arrived.Before(*s.Oldest) {
			s.Oldest = &arrived
		}
		if s.Newest == nil || arrived.After(*s.Newest) {
			s.Newest = &arrived
		}
	})
}

// unreadable notes a place in an object; an index of -1 is the rest of it.
func (r *redriveReport) unreadable(o object, index int, err error) {
	r.change(func(s *redriveSummary) { s.Unreadable++ })
	if index < 0 {
		r.say("%.256q cannot be read to its end: %.512s", o.Key, err)
		return
	}
	r.say("record %d of %.256q cannot be read: %.512s", index, o.Key, err)
}

func (r *redriveReport) attempted(result standin.Result) {
	r.change(func(s *redriveSummary) {
		s.Attempts += len(result.Attempts)
		for _, a := range result.Attempts {
			if a.Code != "" {
				s.LastError = string(a.Code) + ": " + a.Message
			}
		}
	})
	if result.Outcome == standin.Accepted {
		r.delivered(result.Records)
	}
}

func (r *redriveReport) delivered(records int) {
	r.change(func(s *redriveSummary) { s.Deliveries, s.DeliveredRecords = s.Deliveries+1, s.DeliveredRecords+records })
}

func (r *redriveReport) refused(err error) {
	r.change(func(s *redriveSummary) { s.Refused++ })
	r.say("%s", err)
}

func (r *redriveReport) summary() redriveSummary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sum
	s.Failures = maps.Clone(s.Failures)
	s.Elapsed = time.Since(r.begin).Seconds()
	return s
}

// progress is what has been done so far, on one line.
func (r *redriveReport) progress() string {
	s := r.summary()
	r.mu.Lock()
	files, past := r.files, r.past
	r.mu.Unlock()
	line := fmt.Sprintf("%d of %d objects, %s of %s, %d records in %d deliveries, %.0f records/s",
		files, s.Objects, size(past), size(s.ObjectBytes), s.DeliveredRecords, s.Deliveries, float64(s.DeliveredRecords)/max(s.Elapsed, 1e-3))
	if n := s.Attempts - s.Deliveries; n > 0 && s.LastError != "" {
		line += fmt.Sprintf(", %d failed attempts, the last one %.120q", n, s.LastError)
	}
	return line
}

// redriveProgress tells on a stream what a redrive does: on one line that changes
// if that is a terminal, else by a line now and then.
type redriveProgress struct {
	w        io.Writer
	terminal bool
	end      chan struct{}
	ended    chan struct{}
	mu       sync.Mutex
}

// showRedrive tells of the report until stop.
func showRedrive(w io.Writer, r *redriveReport) *redriveProgress {
	f, ok := w.(*os.File)
	p := &redriveProgress{w: w, terminal: ok && term.IsTerminal(int(f.Fd())), end: make(chan struct{}), ended: make(chan struct{})}
	r.say = p.say
	interval := logInterval
	if p.terminal {
		interval = progressInterval
	}
	go func() {
		defer close(p.ended)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.line(r.progress())
			case <-p.end:
				return
			}
		}
	}()
	return p
}

// eraseLine goes back to the beginning of the line and empties it.
const eraseLine = "\r\x1b[K"

func (p *redriveProgress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.w, eraseLine, text)
	} else {
		fmt.Fprintln(p.w, text)
	}
}

// say writes a line that stays.
func (p *redriveProgress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.w, eraseLine)
	}
	fmt.Fprintf(p.w, format+"\n", args...)
}

// stop returns when nothing more is written.
func (p *redriveProgress) stop() {
	close(p.end)
	<-p.ended
	if p.terminal {
		fmt.Fprint(p.w, eraseLine)
	}
}

func (s redriveSummary) rows(dryRun bool) []summaryRow {
	rows := []summaryRow{
		{"", "", "records"},
		{"objects", s.Objects, ""},
		{"  delivered before", s.SkippedObjects, s.SkippedRecords},
		{"read", size(s.RawBytes), s.Records},
	}
	if s.Oldest != nil {
		rows = append(rows, summaryRow{"  oldest", s.Oldest.UTC().Format(time.RFC3339), ""}, summaryRow{"  newest", s.Newest.UTC().Format(time.RFC3339), ""})
	}
	for _, code := range slices.Sorted(maps.Keys(s.Failures)) {
		rows = append(rows, summaryRow{"  " + strings.TrimPrefix(code, "HttpEndpoint."), "", s.Failures[code]})
	}
	if s.Unreadable > 0 {
		rows = append(rows, summaryRow{"not readable", "", s.Unreadable})
	}
	if dryRun {
		return append(rows, summaryRow{"to deliver", s.Deliveries, s.DeliveredRecords})
	}
	return append(rows,
		summaryRow{"accepted", s.Deliveries, s.DeliveredRecords},
		summaryRow{"refused", s.Refused, ""},
		summaryRow{"attempts", s.Attempts, ""},
		summaryRow{"elapsed", fmt.Sprintf("%.3f s", s.Elapsed), fmt.Sprintf("%.0f/s", float64(s.DeliveredRecords)/max(s.Elapsed, 1e-3))})
}
