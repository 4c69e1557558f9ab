package convertflow

import (
	"encoding/json"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
)

// origin says where a value of the pipeline comes from. Equal origins have equal
// values.
type origin struct {
	kind originKind
	// name is a path into the record, with pathSign between its keys, or the part
	// of a runtime's prefix, or the expression for a fixed value.
	name string
}

type originKind uint8

const (
	fromRecord originKind = iota + 1
	fromPrefix
	fixed
)

// pathSign stands between the keys of a path. No JSON key in use has it.
const pathSign = "\x00"

// The parts of a line as a CRI runtime writes it.
// https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
const (
	partTime    = "time"
	partStream  = "stream"
	partTag     = "tag"
	partContent = "content"
)

// logMember is the member of a record that holds the line.
const logMember = "log"

// kubernetesMembers maps the members of the object that Fluent Bit's kubernetes
// filter adds to the component's internal labels.
var kubernetesMembers = map[string]string{
	"container_hash":  "__meta_kubernetes_pod_container_hash",
	"container_image": "__meta_kubernetes_pod_container_image",
	"container_name":  "__meta_kubernetes_pod_container_name",
	"docker_id":       "__meta_kubernetes_pod_container_id",
	"host":            "__meta_kubernetes_pod_node_name",
	"namespace_name":  "__meta_kubernetes_namespace",
	"pod_id":          "__meta_kubernetes_pod_uid",
	"pod_ip":          "__meta_kubernetes_pod_ip",
	"pod_name":        "__meta_kubernetes_pod_name",
}

// ownMembers are members of a record that the component reads itself and has no
// internal label for, as it has for all others of the top level.
var ownMembers = map[string]bool{
	logMember: true, "message": true, "stream": true, "time": true, "date": true, "@timestamp": true, "timestamp": true,
	"_p": true, "logtag": true, "kubernetes": true, "messageType": true, "logEvents": true,
}

// internalLabel returns the component's internal label that holds the value.
func (o origin) internalLabel() (name string, ok bool) {
	if o.kind != fromRecord {
		return "", false
	}
	keys := strings.Split(o.name, pathSign)
	switch {
	case len(keys) == 1:
		// Merge_Log's keys and those of other filters stand side by side: which are
		// lifted out of kubernetes cannot be told.
		return "__record_" + sanitize(keys[0]), !ownMembers[keys[0]] && !strings.HasPrefix(keys[0], "kubernetes_")
	case keys[0] != "kubernetes":
		return "", false
	case len(keys) == 2:
		name, ok = kubernetesMembers[keys[1]]
		return name, ok
	case len(keys) == 3 && keys[1] == "labels":
		return "__meta_kubernetes_pod_label_" + sanitize(keys[2]), true
	case len(keys) == 3 && keys[1] == "annotations":
		return "__meta_kubernetes_pod_annotation_" + sanitize(keys[2]), true
	}
	return "", false
}

// isStream reports whether the value is the component's label stream.
func (o origin) isStream() bool {
	return o == origin{fromPrefix, partStream} || o == origin{fromRecord, "stream"}
}

// isRuntimeTime reports whether the value is the time at which the runtime read
// the line, in the form in which it writes it.
func (o origin) isRuntimeTime() bool {
	return o == origin{fromPrefix, partTime} || o == origin{fromRecord, "time"}
}

// sanitize makes a key what may stand in the name of a label, as the component
// does.
func sanitize(key string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, key)
}

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// isLabelName reports whether the component takes a name for a label.
func isLabelName(name string) bool {
	return labelName.MatchString(name) && !strings.HasPrefix(name, internalPrefix)
}

// internalPrefix begins the names of labels that no entry carries.
const internalPrefix = "__"

var (
	plainKey  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)
	quotedKey = regexp.MustCompile(`^"(?:[^"\\]|\\.)+"`)
)

// parsePath reads a JMESPath expression that is nothing but keys with dots in
// between, and returns them joined by pathSign.
// https://jmespath.org/specification.html#grammar
func parsePath(expression string) (path string, ok bool) {
	var keys []string
	for {
		if plain := plainKey.FindString(expression); plain != "" {
			keys, expression = append(keys, plain), expression[len(plain):]
		} else {
			quoted := quotedKey.FindString(expression)
			var key string
			if quoted == "" || json.Unmarshal([]byte(quoted), &key) != nil || strings.Contains(key, pathSign) {
				return "", false
			}
			keys, expression = append(keys, key), expression[len(quoted):]
		}
		if expression == "" {
			return strings.Join(keys, pathSign), true
		}
		if expression, ok = strings.CutPrefix(expression, "."); !ok {
			return "", false
		}
	}
}

// The ways to write the parts of a CRI runtime's prefix in a regular expression.
// On any line that has such a prefix, they all match the same text.
var prefixForms = sync.OnceValue(func() map[string][]string {
	forms := map[string][]string{
		partTime:    {`\S+`, `\S+?`, `[^ ]+`, `[^ ]*`, `[^\s]+`},
		partStream:  {`stdout|stderr`, `stderr|stdout`, `std(?:out|err)`, `\w+`, `\S+`, `\S+?`, `[^ ]+`, `[^ ]*`},
		partTag:     {`P|F`, `F|P`, `[PF]`, `\w`, `\S`, `\w+`, `\S+`, `\S+?`, `[^ ]+`, `[^ ]*`},
		partContent: {`.*`, `(?s).*`},
	}
	for part, list := range forms {
		for i, form := range list {
			parsed, err := syntax.Parse(form, syntax.Perl)
			if err != nil {
				panic("BUG: " + err.Error())
			}
			forms[part][i] = parsed.Simplify().String()
		}
	}
	return forms
})

// parsePrefix reads a regular expression that takes a line of a CRI runtime apart,
// and returns the part that each of its named groups is.
func parsePrefix(expression string) (groups map[string]string, ok bool) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil || parsed.Op != syntax.OpConcat {
		return nil, false
	}
	terms := parsed.Sub
	if len(terms) > 0 && terms[len(terms)-1].Op == syntax.OpEndText {
		terms = terms[:len(terms)-1]
	}
	parts := []string{partTime, partStream, partTag, partContent}
	if len(terms) != 2*len(parts) || terms[0].Op != syntax.OpBeginText {
		return nil, false
	}
	groups = map[string]string{}
	for i, part := range parts {
		term := terms[1+2*i]
		if term.Op == syntax.OpCapture {
			if term.Name != "" {
				groups[term.Name] = part
			}
			term = term.Sub[0]
		}
		if !matchesForm(part, term) || i > 0 && terms[2*i].String() != " " {
			return nil, false
		}
	}
	return groups, true
}

func matchesForm(part string, term *syntax.Regexp) bool {
	text := term.Simplify().String()
	for _, form := range prefixForms()[part] {
		if form == text {
			return true
		}
	}
	return false
}
