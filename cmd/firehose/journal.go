package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/natefinch/atomic"
)

// journal remembers in a file what was accepted, so that a redrive that was ended
// goes on where it was. It is a set and no position: while an outage lasts, Firehose
// writes objects whose names sort before others that it wrote long ago.
//
// The file is JSON Lines, the first one a journalHead. A line that was not written
// to its end counts for nothing: what it was about is sent once more, which changes
// nothing.
type journal struct {
	file *os.File // Nil for a journal that lasts as long as the program.
	done map[string]bool
	part map[string][]span
}

// journalHead tells one redrive from another, by where it reads and by what decides
// which entries come of that.
type journalHead struct {
	Source           string            `json:"source"`
	Form             string            `json:"form"`
	URL              string            `json:"url"`
	Tenant           string            `json:"tenant,omitempty"`
	CommonAttributes map[string]string `json:"common_attributes,omitempty"`
}

func (h journalHead) equal(other journalHead) bool {
	return h.Source == other.Source && h.Form == other.Form && h.URL == other.URL &&
		h.Tenant == other.Tenant && maps.Equal(h.CommonAttributes, other.CommonAttributes)
}

// String names the redrive in an error message.
func (h journalHead) String() string {
	return fmt.Sprintf("%s of %s to %s, with tenant %q and common attributes %v", h.Form, h.Source, h.URL, h.Tenant, h.CommonAttributes)
}

// journalLine is what was accepted: some records of an object, or all of it.
type journalLine struct {
	Object string `json:"object"`
	Done   bool   `json:"done,omitempty"`
	span
}

// span is the records from one index up to another, which is not in it.
type span struct {
	From int `json:"from,omitempty"`
	To   int `json:"to,omitempty"`
}

// openJournal reads the journal at the path, or begins it unless it is only to be
// looked at. An empty path is no file.
func openJournal(path string, head journalHead, lookOnly bool) (*journal, error) {
	j := &journal{done: map[string]bool{}, part: map[string][]span{}}
	if path == "" {
		return j, nil
	}
	if err := j.load(path, head); err != nil {
		return nil, fmt.Errorf("cannot read state %q: %w", path, err)
	}
	if lookOnly {
		return j, nil
	}
	if err := j.rewrite(path, head); err != nil {
		return nil, fmt.Errorf("cannot write state %q: %w", path, err)
	}
	return j, nil
}

func (j *journal) load(path string, want journalHead) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	lines := bufio.NewReader(bytes.NewReader(text))
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil // The end, or what was cut off there.
		}
		if number == 1 {
			var got journalHead
			if err := unmarshalStrictly(line, &got); err != nil || got.equal(journalHead{}) {
				return errors.New("it is not the state of a redrive")
			}
			if !got.equal(want) {
				return fmt.Errorf("it is of another redrive: %.1024s", got)
			}
			continue
		}
		var l journalLine
		if err := unmarshalStrictly(line, &l); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		j.remember(l)
	}
}

func unmarshalStrictly(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// rewrite replaces the file by a shorter one that says the same.
func (j *journal) rewrite(path string, head journalHead) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	err := enc.Encode(head)
	for _, key := range slices.Sorted(maps.Keys(j.done)) {
		err = errors.Join(err, enc.Encode(journalLine{Object: key, Done: true}))
	}
	for _, key := range slices.Sorted(maps.Keys(j.part)) {
		for _, s := range j.part[key] {
			err = errors.Join(err, enc.Encode(journalLine{Object: key, span: s}))
		}
	}
	if err = errors.Join(err, atomic.WriteFile(path, &text)); err != nil {
		return err
	}
	j.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return err
}

func (j *journal) remember(l journalLine) {
	if l.Done {
		j.done[l.Object] = true
		delete(j.part, l.Object)
	} else {
		j.part[l.Object] = join(append(j.part[l.Object], l.span))
	}
}

// join sorts spans and makes one of those that touch.
func join(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.From, b.From) })
	out := spans[:0]
	for _, s := range spans {
		if last := len(out) - 1; last >= 0 && s.From <= out[last].To {
			out[last].To = max(out[last].To, s.To)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// hasObject tells whether all of an object was accepted.
func (j *journal) hasObject(key string) bool { return j.done[key] }

// has tells whether a record was accepted.
func (j *journal) has(key string, index int) bool {
	return slices.ContainsFunc(j.part[key], func(s span) bool { return s.From <= index && index < s.To })
}

// accepted notes that records were.
func (j *journal) accepted(key string, s span) error {
	return j.write(journalLine{Object: key, span: s})
}

// finished notes that all of an object was accepted.
func (j *journal) finished(key string) error { return j.write(journalLine{Object: key, Done: true}) }

// write returns when the line is on the disk.
func (j *journal) write(l journalLine) error {
	j.remember(l)
	if j.file == nil {
		return nil
	}
	line, err := json.Marshal(l)
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("cannot write state: %w", err)
	}
	return nil
}

// Close implements io.Closer.
func (j *journal) Close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

var _ io.Closer = (*journal)(nil)
