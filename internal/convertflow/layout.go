package convertflow

import (
	"bytes"

	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/printer"
)

// layOut brings out into the usual layout if in has it: who formats configurations
// gets a formatted one, and who does not gets no more changes than there must be.
func layOut(name string, in, out []byte) []byte {
	if before, ok := format(name, in); !ok || !bytes.Equal(before, in) {
		return out
	}
	once, ok := format(name, out)
	if !ok {
		return out
	}
	if twice, ok := format(name, once); !ok || !bytes.Equal(once, twice) {
		return out
	}
	return once
}

// format returns a configuration as `alloy fmt` writes it; ok is false when it
// would lose a comment, or is no configuration.
func format(name string, text []byte) (formatted []byte, ok bool) {
	file, err := parser.ParseFile(name, text)
	if err != nil {
		return nil, false
	}
	var out bytes.Buffer
	if err := printer.Fprint(&out, file); err != nil {
		return nil, false
	}
	out.WriteByte('\n')
	again, err := parser.ParseFile(name, out.Bytes())
	if err != nil {
		return nil, false
	}
	return out.Bytes(), countComments(file) == countComments(again)
}

func countComments(file *ast.File) int {
	n := 0
	for _, group := range file.Comments {
		n += len(group)
	}
	return n
}
