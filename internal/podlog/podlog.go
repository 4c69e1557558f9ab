// Package podlog reads the log files that container runtimes write on a node:
// what a shipper was given, and so what must come out at the far end.
//
// https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
// https://docs.docker.com/engine/logging/drivers/json-file/
package podlog

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
	"time"
)

// Line is one line that an application wrote.
type Line struct {
	// Dir is the folder of the file, which says how it was written.
	Dir                       string
	Pod, Namespace, Container string
	// Stream is empty for what stands in the file and is in no runtime's form.
	Stream string
	// Text is the line without its line feed, joined from its fragments.
	Text string
	// Nanos is the time of the first fragment; 0 for a line in no runtime's form.
	Nanos int64
	// Fragments are the physical lines that the line was cut into, at least one.
	Fragments []Line
}

// ReadArchive returns the lines of the container logs in a gzip'd tar archive,
// in the order of the archive and of the files.
func ReadArchive(file string) ([]Line, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	var lines []Line
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", file, err)
		}
		if !strings.HasSuffix(h.Name, ".log") {
			continue
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s in %s: %w", h.Name, file, err)
		}
		lines = append(lines, Parse(h.Name, text)...)
	}
}

var (
	fileName = regexp.MustCompile(`^([^_]+)_([^_]+)_(.+)-[0-9a-f]{64}\.log$`)
	criLine  = regexp.MustCompile(`(?s)^(\S+) (stdout|stderr) ([PF])(?::\S*)? (.*)$`)
)

// Parse returns the lines of one container log. Its name says whose it is; its
// folder's name says in which form: a name that begins with docker is json-file,
// any other is CRI.
func Parse(name string, text []byte) []Line {
	base := Line{Dir: path.Base(path.Dir(name))}
	if m := fileName.FindStringSubmatch(path.Base(name)); m != nil {
		base.Pod, base.Namespace, base.Container = m[1], m[2], m[3]
	}
	parse := parseCRI
	if strings.HasPrefix(base.Dir, "docker") {
		parse = parseDocker
	}
	var lines []Line
	open := map[string]*Line{}
	for physical := range bytes.Lines(text) {
		physical = bytes.TrimSuffix(physical, []byte{'\n'})
		piece, whole := parse(base, string(physical))
		line := open[piece.Stream]
		if line == nil {
			line = &Line{}
			*line = piece
			line.Text = ""
		}
		line.Text += piece.Text
		line.Fragments = append(line.Fragments, piece)
		if !whole {
			open[piece.Stream] = line
			continue
		}
		delete(open, piece.Stream)
		lines = append(lines, *line)
	}
	for _, line := range open {
		lines = append(lines, *line)
	}
	return lines
}

func parseCRI(piece Line, physical string) (_ Line, whole bool) {
	m := criLine.FindStringSubmatch(physical)
	if m == nil {
		piece.Text = physical
		return piece, true
	}
	at, err := time.Parse(time.RFC3339Nano, m[1])
	if err != nil {
		piece.Text = physical
		return piece, true
	}
	piece.Nanos, piece.Stream, piece.Text = at.UnixNano(), m[2], m[4]
	return piece, m[3] == "F"
}

func parseDocker(piece Line, physical string) (_ Line, whole bool) {
	var entry struct {
		Log    string    `json:"log"`
		Stream string    `json:"stream"`
		Time   time.Time `json:"time"`
	}
	if err := json.Unmarshal([]byte(physical), &entry); err != nil {
		piece.Text = physical
		return piece, true
	}
	piece.Nanos, piece.Stream = entry.Time.UnixNano(), entry.Stream
	piece.Text, whole = strings.CutSuffix(entry.Log, "\n")
	return piece, whole
}
