package floor

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
)

var errLine = errors.New("cannot read line")

// container takes a record of a container:
//
//	{"log":"2026-08-20T09:58:53.927142Z stdout F text","kubernetes":{...}}
func (w *worker) container(record []byte) error {
	var log, metadata []byte
	err := members(record, func(key, value []byte) error {
		switch string(key) {
		case "log":
			log = value
		case "kubernetes":
			metadata = value
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(log) < 2 {
		return errJSON
	}
	s, ok := w.streams[string(metadata)]
	if !ok {
		labels, err := podLabels(metadata)
		if err != nil {
			return err
		}
		s = &stream{labels: labels}
		w.streams[string(metadata)] = s
	}
	line, err := text(log)
	if err != nil {
		return err
	}
	stamp, line, ok := bytes.Cut(line, []byte(" "))
	const prefix = len("stdout F ") // stderr is as long.
	if !ok || len(line) < prefix {
		return errLine
	}
	at, err := readTime(stamp)
	if err != nil {
		return err
	}
	w.add(s, at, view(line[prefix:]))
	return nil
}

// podLabels returns the labels that the pipelines have for a kubernetes object.
func podLabels(metadata []byte) (string, error) {
	var pod, namespace, container, app, instance, component string
	targets := map[string]*string{
		"pod_name": &pod, "namespace_name": &namespace, "container_name": &container,
		"app.kubernetes.io/name": &app, "app.kubernetes.io/instance": &instance, "app.kubernetes.io/component": &component,
	}
	objects := [][]byte{metadata}
	for len(objects) > 0 {
		object := objects[0]
		objects = objects[1:]
		err := members(object, func(key, value []byte) error {
			if string(key) == "labels" {
				objects = append(objects, value)
			} else if target := targets[string(key)]; target != nil {
				*target = string(value) // With its quotes, as LogQL has them.
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	var b strings.Builder
	for _, l := range []struct{ name, value string }{
		{"app", app},
		{"cluster", `"shop-production"`},
		{"component", component},
		{"container", container},
		{"environment", `"production"`},
		{"instance", instance},
		{"namespace", namespace},
		{"pod", pod},
		{"region", `"us-east-1"`},
	} {
		if l.value != "" {
			fmt.Fprintf(&b, ", %s=%s", l.name, l.value)
		}
	}
	return "{" + b.String()[len(", "):] + "}", nil
}

// readTime reads a time in UTC as RFC 3339 has it, with any number of digits behind
// the second.
func readTime(b []byte) (time.Time, error) {
	const seconds = len("2006-01-02T15:04:05")
	if len(b) <= seconds || b[len(b)-1] != 'Z' {
		return time.Time{}, errLine
	}
	nanos, unit := 0, int(time.Second)
	for _, c := range b[seconds : len(b)-1] {
		if c != '.' {
			unit /= 10
			nanos += int(c-'0') * unit
		}
	}
	year := 100*two(b) + two(b[2:])
	return time.Date(year, time.Month(two(b[5:])), two(b[8:]), two(b[11:]), two(b[14:]), two(b[17:]), nanos, time.UTC), nil
}

// two returns the number of two digits.
func two(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }
