package sidebyside

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/grafana/alloy/eks/internal/convertflow"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// randomVariants is how many configurations are made at random beside those that
// are written by hand. Most are converted, some stay as they are.
const randomVariants = 60

// assembly makes configurations out of stages that people use, in orders that they
// use and in some that they do not.
type assembly struct {
	*rand.Rand
	prefixed bool // Lines begin with the prefix of a runtime: no parser has taken it off.
}

// randomVariant returns the configuration of that number. Its records are those
// that its stages were written for: what other records become is not the same.
func randomVariant(number int) (variant, string) {
	a := assembly{Rand: rand.New(rand.NewPCG(uint64(number), 0x72697665))}
	a.prefixed = a.IntN(3) > 0
	v := variant{name: fmt.Sprintf("random-%d", number), random: true, shape: traffic.FargateDefault}
	if !a.prefixed {
		v.shape, v.merged = traffic.CRIParser, true
	}
	label := strings.ReplaceAll(v.name, "-", "_")
	use := ""
	if a.IntN(4) == 0 {
		use = "\tuse_incoming_timestamp = true\n"
	}
	return v, fmt.Sprintf(`loki.source.awsfirehose %[1]q {
	http {
		listen_address = "127.0.0.1"
		%[2]s
	}
%[3]s	forward_to = [loki.process.%[1]s.receiver]
}

loki.process %[1]q {
	forward_to = [loki.write.%[1]s.receiver]

%[4]s}

loki.write %[1]q {
	endpoint {
		url = %[5]q
	}
}
`, label, sourcePort, use, strings.Join(a.stages(), "\n"), lokiURL)
}

// stages returns stages that extract, name and cut, in an order that makes sense,
// or nearly.
func (a *assembly) stages() []string {
	stages := a.extraction()
	middle := []string{a.labels(), a.staticLabels()}
	for range a.IntN(4) {
		middle = append(middle, []func() string{a.labels, a.staticLabels, a.metadata, a.drop, a.tenant}[a.IntN(5)]())
	}
	ending := a.ending()
	a.Shuffle(len(middle), func(i, j int) { middle[i], middle[j] = middle[j], middle[i] })
	cut := a.IntN(len(middle) + 1)
	stages = append(append(append(stages, middle[:cut]...), ending...), middle[cut:]...)
	if a.IntN(3) == 0 {
		stages = append(stages, a.behind())
	}
	if a.IntN(8) == 0 { // One stage is in the wrong place.
		i, j := a.IntN(len(stages)), a.IntN(len(stages))
		stages[i], stages[j] = stages[j], stages[i]
	}
	return stages
}

func (a *assembly) extraction() []string {
	own := ""
	if !a.prefixed {
		own = `, stream = "", time = ""`
	}
	if a.IntN(2) == 0 {
		return []string{
			stage("json", `expressions = {log = "", kubernetes = ""`+own+`}`),
			stage("json", `source = "kubernetes"`, `expressions = {pod = "pod_name", namespace = "namespace_name", container = "container_name", node = "host", all = "labels"}`),
			stage("json", `source = "all"`, "expressions = {app = `\"app.kubernetes.io/name\"`, part = `\"app.kubernetes.io/part-of\"`}"),
		}
	}
	return []string{stage("json", "expressions = {log = \"\", pod = \"kubernetes.pod_name\", namespace = \"kubernetes.namespace_name\", "+
		"container = \"kubernetes.container_name\", node = \"kubernetes.host\", app = `kubernetes.labels.\"app.kubernetes.io/name\"`, part = `kubernetes.labels.\"app.kubernetes.io/part-of\"`"+own+"}")}
}

// ending returns the stages that take the line out of the record.
func (a *assembly) ending() []string {
	output := stage("output", `source = "log"`)
	if !a.prefixed {
		if a.IntN(2) == 0 {
			return []string{output}
		}
		return []string{stage("timestamp", `source = "time"`, `format = "RFC3339Nano"`), output}
	}
	switch a.IntN(4) {
	case 0:
		return []string{output}
	case 1:
		return []string{
			stage("regex", `source = "log"`, "expression = `^(?P<at>\\S+?) (?P<stream>stdout|stderr) (?P<tag>[FP]) (?P<text>.*)$`"),
			stage("timestamp", `source = "at"`, `format = "RFC3339Nano"`),
			stage("output", `source = "text"`),
		}
	}
	return []string{output, stage("cri")}
}

// name is one that stages extract, or that entries have by themselves on one side
// only, or none.
func (a *assembly) name() string {
	names := []string{"pod", "namespace", "container", "node", "app", "part"}
	if a.IntN(8) == 0 {
		names = []string{"stream", "cluster", "team", "service_name"}
	}
	return names[a.IntN(len(names))]
}

func (a *assembly) labels() string {
	var values []string
	seen := map[string]bool{}
	for range 1 + a.IntN(4) {
		name, from := a.name(), ""
		if seen[name] {
			continue
		}
		seen[name] = true
		if a.IntN(6) == 0 {
			from = a.name()
		}
		values = append(values, fmt.Sprintf("%s = %q", name, from))
	}
	return stage("labels", "values = {"+strings.Join(values, ", ")+"}")
}

func (a *assembly) staticLabels() string {
	value := []string{`"fixed"`, `env("CLUSTER")`, `""`}[a.IntN(3)]
	return stage("static_labels", fmt.Sprintf("values = {job = \"eks\", %s = %s}", a.name(), value))
}

func (a *assembly) metadata() string {
	return stage("structured_metadata", fmt.Sprintf("values = {%s = %q}", a.name(), a.name()))
}

func (a *assembly) drop() string {
	return stage("label_drop", fmt.Sprintf("values = [%q, %q]", a.name(), a.name()))
}

func (a *assembly) tenant() string {
	return stage("tenant", []string{`value = "orchard"`, `label = "namespace"`, `source = "app"`}[a.IntN(3)])
}

// behind is a stage that the component has nothing for.
func (a *assembly) behind() string {
	return []string{
		stage("label_keep", `values = ["job", "namespace", "app"]`),
		stage("regex", "expression = `(?P<request>req-[0-9]+)`") + "\n" + stage("labels", `values = {request = ""}`),
		"\tstage.match {\n\t\tselector = `{job=\"eks\"}`\n\n\t" + strings.ReplaceAll(stage("static_labels", `values = {matched = "yes"}`), "\n\t", "\n\t\t") + "\t}\n",
	}[a.IntN(3)]
}

func stage(kind string, arguments ...string) string {
	if len(arguments) == 0 {
		return "\tstage." + kind + " { }\n"
	}
	return "\tstage." + kind + " {\n\t\t" + strings.Join(arguments, "\n\t\t") + "\n\t}\n"
}

// settle takes for granted what a random variant is told to differ in.
func (r *running) settle() {
	for _, f := range r.findings {
		r.left = r.left || f.Kind == convertflow.Left
	}
	for _, d := range r.told() {
		if d != convertflow.Metadata && d != convertflow.OtherRecords {
			r.differs = append(r.differs, d)
		}
	}
}
