package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// traceCollections is the setting with which Go programs print a line for each
// garbage collection. https://pkg.go.dev/runtime#hdr-Environment_Variables
const traceCollections = "GODEBUG=gctrace=1"

// collections are what a garbage collector has done.
type collections struct {
	cycles int
	// cpu is the time of its phases on all cores, the assistance of goroutines
	// that allocate and the use of idle cores included. What allocating costs by
	// itself, and sweeping, is not in it. The runtime takes it from the clock, so
	// that it is too much where others use the core too.
	cpu time.Duration
}

func (c collections) since(before collections) collections {
	return collections{c.cycles - before.cycles, c.cpu - before.cpu}
}

var collectionLine = regexp.MustCompile(`^gc \d+ @\S+ \d+%: \S+ ms clock, ([0-9.+/]+) ms cpu, `)

// parseCollection reads the CPU time of a collection from its line, the sum of
// these figures:
//
//	gc 7 @2.104s 1%: 0.02+1.3+0.07 ms clock, 0.05+0.35/1.0/3.0+0.23 ms cpu, 4->5->1 MB, 5 MB goal, 0 MB stacks, 0 MB globals, 3 P
func parseCollection(line []byte) (time.Duration, bool) {
	m := collectionLine.FindSubmatch(line)
	if m == nil {
		return 0, false
	}
	var cpu time.Duration
	phases := strings.FieldsFunc(string(m[1]), func(r rune) bool { return r == '+' || r == '/' })
	for _, phase := range phases {
		milliseconds, err := strconv.ParseFloat(phase, 64)
		if err != nil {
			return 0, false
		}
		cpu += time.Duration(milliseconds * float64(time.Millisecond))
	}
	return cpu, true
}
