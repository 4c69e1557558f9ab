package standin

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrorRecord is what Firehose writes to S3 for a record that it could not
// deliver: one JSON object per line.
type ErrorRecord struct {
	// AttemptsMade is how often the record's delivery was posted.
	AttemptsMade int `json:"attemptsMade"`
	// ArrivalTimestamp is when Firehose received the record, and
	// AttemptEndingTimestamp when the last attempt ended, in milliseconds.
	ArrivalTimestamp       int64     `json:"arrivalTimestamp"`
	ErrorCode              ErrorCode `json:"errorCode"`
	ErrorMessage           string    `json:"errorMessage"`
	AttemptEndingTimestamp int64     `json:"attemptEndingTimestamp"`
	// RawData is the record's data in base64.
	RawData string `json:"rawData"`
	// SubsequenceNumber is 0: records of producers are not aggregated.
	SubsequenceNumber int64 `json:"subsequenceNumber"`
	// DataID is unique for each record. Its form is not documented.
	DataID string `json:"dataId"`
}

// backupPrefix is what Firehose puts before the date of objects with records
// that an HTTP endpoint did not accept.
const backupPrefix = "http-endpoint-failed"

// backUp writes the records of a delivery that was given up and returns the
// file. The file appears whole or not at all.
func (s *Sender) backUp(d *Delivery, now time.Time, attempts []Attempt) (string, error) {
	path := filepath.Join(s.opts.BackupDir, filepath.FromSlash(backupKey(s.streamName, d.id, now)))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("cannot back up delivery: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".unfinished-*")
	if err != nil {
		return "", fmt.Errorf("cannot back up delivery: %w", err)
	}
	defer os.Remove(f.Name()) // Finds nothing when the file was renamed.
	if err = writeErrorRecords(f, d, now, attempts); err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("cannot back up delivery: %w", err)
	}
	return path, nil
}

func writeErrorRecords(f *os.File, d *Delivery, now time.Time, attempts []Attempt) error {
	last := attempts[len(attempts)-1]
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i, record := range d.records {
		err := enc.Encode(ErrorRecord{
			AttemptsMade:           len(attempts),
			ArrivalTimestamp:       record.arrived.UnixMilli(),
			ErrorCode:              last.Code,
			ErrorMessage:           last.Message,
			AttemptEndingTimestamp: now.UnixMilli(),
			RawData:                string(d.body[record.start:record.end]),
			DataID:                 fmt.Sprintf("%s-%06d", d.id, i),
		})
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

// backupKey returns the S3 key of a backup object: prefix, UTC hour, stream,
// version of its configuration, time and a GUID.
//
// https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
func backupKey(stream, id string, now time.Time) string {
	now = now.UTC()
	return backupPrefix + now.Format("/2006/01/02/15/") + stream + "-1-" + now.Format("2006-01-02-15-04-05-") + id
}

// streamName returns the name in a stream's ARN, in a form that is safe in a
// file name.
func streamName(arn string) string {
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	clean := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		default:
			return '_'
		}
	}
	if name = strings.Map(clean, name); name == "" {
		return "stream"
	}
	return name
}
