package kubelog

import (
	"hash/maphash"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/grafana/alloy/eks/internal/cwlogs"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// The internal labels of a container, named as discovery.kubernetes names them
// wherever it has the same thing.
// https://grafana.com/docs/alloy/latest/reference/components/discovery/discovery.kubernetes/
const (
	LabelNamespace      = "__meta_kubernetes_namespace"
	LabelPodName        = "__meta_kubernetes_pod_name"
	LabelPodUID         = "__meta_kubernetes_pod_uid"
	LabelPodIP          = "__meta_kubernetes_pod_ip"
	LabelNodeName       = "__meta_kubernetes_pod_node_name"
	LabelContainerName  = "__meta_kubernetes_pod_container_name"
	LabelContainerID    = "__meta_kubernetes_pod_container_id"
	LabelContainerImage = "__meta_kubernetes_pod_container_image"
	LabelContainerHash  = "__meta_kubernetes_pod_container_hash"
	LabelControllerKind = "__meta_kubernetes_pod_controller_kind"
	LabelControllerName = "__meta_kubernetes_pod_controller_name"

	PrefixPodLabel            = "__meta_kubernetes_pod_label_"
	PrefixPodAnnotation       = "__meta_kubernetes_pod_annotation_"
	PrefixNamespaceLabel      = "__meta_kubernetes_namespace_label_"
	PrefixNamespaceAnnotation = "__meta_kubernetes_namespace_annotation_"
)

// PrefixRecord begins the internal labels for keys that a shipper's own
// configuration put beside the line, such as hostname or systemd_unit.
const PrefixRecord = "__record_"

// The internal labels of an event that came through CloudWatch Logs, named as
// loki.source.awsfirehose names them.
// https://grafana.com/docs/alloy/latest/reference/components/loki/loki.source.awsfirehose/
const (
	LabelOwner     = "__aws_owner"
	LabelLogGroup  = "__aws_cw_log_group"
	LabelLogStream = "__aws_cw_log_stream"
	LabelFilters   = "__aws_cw_matched_filters"
	LabelMessage   = "__aws_cw_msg_type"
	// LabelRegion is ours: the region that a centralised event truly came from.
	LabelRegion = "__aws_region"
)

// maxLabels bounds the labels of one source: Kubernetes has no bound of its own
// for the number of annotations, and a source is remembered for long.
const maxLabels = 512

// Metadata remembers the sources that were read from records, so that the
// metadata which every record of a container repeats is parsed once. It is
// safe for concurrent use and shared by all parsers of a component.
type Metadata struct {
	seeds [2]maphash.Seed
	known *lru.Cache[fingerprint, *event.Source]
}

// fingerprint stands for the raw bytes of everything that a source is made of.
// With 128 bits under seeds that nobody outside knows, two different origins do
// not meet in a lifetime, and the raw bytes need not be kept to tell them apart.
type fingerprint [2]uint64

// NewMetadata returns a Metadata that remembers up to size sources; each costs
// about one kilobyte.
func NewMetadata(size int) (*Metadata, error) {
	known, err := lru.New[fingerprint, *event.Source](size)
	if err != nil {
		return nil, err
	}
	return &Metadata{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, known: known}, nil
}

// Len returns how many sources are remembered.
func (m *Metadata) Len() int { return m.known.Len() }

// mix adds raw to a fingerprint.
func (m *Metadata) mix(f fingerprint, raw []byte) fingerprint {
	const odd = 0x9e3779b97f4a7c15 // Keeps the order of the parts significant.
	return fingerprint{
		f[0]*odd + maphash.Bytes(m.seeds[0], raw),
		f[1]*odd + maphash.Bytes(m.seeds[1], raw),
	}
}

// origin is the raw text of what a source is made of. Any part may be empty.
type origin struct {
	kubernetes jsonscan.Value // The kubernetes object of the filter.
	namespace  jsonscan.Value // The kubernetes_namespace object of newer versions.
	lifted     []member       // kubernetes_* members that nest lifted.
	extras     []member       // Members for __record_ labels.

	// Where CloudWatch read the event, and the envelope's share of the
	// fingerprint.
	envelope        *cwlogs.Envelope
	envelopeKey     fingerprint
	account, region []byte
}

// member is one member of a JSON object, as it is written.
type member struct {
	key, value jsonscan.Value
}

// envelopeKey returns the share of an envelope in the fingerprints of its events.
func (m *Metadata) envelopeKey(env *cwlogs.Envelope) fingerprint {
	var f fingerprint
	for _, part := range [][]byte{env.Owner, env.LogGroup, env.LogStream, env.Filters} {
		f = m.mix(f, part)
	}
	return f
}

// source returns the source for o, nil when nothing is known.
func (m *Metadata) source(o *origin) *event.Source {
	var f fingerprint
	f = m.mix(f, o.kubernetes)
	f = m.mix(f, o.namespace)
	for _, part := range o.lifted {
		f = m.mix(m.mix(f, part.key), part.value)
	}
	for _, part := range o.extras {
		f = m.mix(m.mix(f, part.key), part.value)
	}
	if o.envelope != nil {
		f = m.mix(m.mix(f, o.account), o.region)
		f[0] += o.envelopeKey[0]
		f[1] += o.envelopeKey[1]
	}
	if src, ok := m.known.Get(f); ok {
		return src
	}
	src := o.build()
	if prev, ok, _ := m.known.PeekOrAdd(f, src); ok {
		return prev
	}
	return src
}

// build reads the labels of o; nil when there are none.
func (o *origin) build() *event.Source {
	b := labelBuilder{seen: map[string]bool{}}
	walk(o.kubernetes, b.kubernetes)
	for _, part := range o.lifted {
		b.kubernetes(part.key[len(`"kubernetes_`):len(part.key)-1], part.value)
	}
	walk(o.namespace, b.namespace)
	for _, part := range o.extras {
		key := part.key[1 : len(part.key)-1]
		b.add(PrefixRecord+sanitize(key), part.value)
	}
	if o.envelope != nil {
		b.envelope(o.envelope, o.account, o.region)
	}
	if len(b.labels) == 0 {
		return nil
	}
	return &event.Source{Labels: b.labels}
}

// walk calls f for each member of an object; a value of another kind has none.
func walk(v jsonscan.Value, f func(key []byte, v jsonscan.Value)) {
	m := jsonscan.Object(v, 0)
	for m.Next() {
		f(m.Key(), m.Value())
	}
}

// labelBuilder collects labels; the first value of a name stays.
type labelBuilder struct {
	labels []event.Label
	seen   map[string]bool
}

func (b *labelBuilder) add(name string, v jsonscan.Value) {
	if v.IsObject() || v.IsArray() || string(v) == "null" {
		return
	}
	b.addText(name, string(v.AppendText(nil)))
}

func (b *labelBuilder) addText(name, value string) {
	if value == "" || b.seen[name] || len(b.labels) >= maxLabels {
		return
	}
	b.seen[name] = true
	b.labels = append(b.labels, event.Label{Name: name, Value: strings.ToValidUTF8(value, "\ufffd")})
}

// addMap adds every member of an object under a prefix.
func (b *labelBuilder) addMap(prefix string, v jsonscan.Value) {
	walk(v, func(key []byte, v jsonscan.Value) { b.add(prefix+sanitize(key), v) })
}

// kubernetesLabels maps the keys that Fluent Bit's kubernetes filter writes.
// https://docs.fluentbit.io/manual/pipeline/filters/kubernetes
var kubernetesLabels = map[string]string{
	"namespace_name":  LabelNamespace,
	"pod_name":        LabelPodName,
	"pod_id":          LabelPodUID,
	"pod_ip":          LabelPodIP,
	"host":            LabelNodeName,
	"container_name":  LabelContainerName,
	"docker_id":       LabelContainerID,
	"container_image": LabelContainerImage,
	"container_hash":  LabelContainerHash,
}

func (b *labelBuilder) kubernetes(key []byte, v jsonscan.Value) {
	switch string(key) {
	case "labels":
		b.addMap(PrefixPodLabel, v)
	case "annotations":
		b.addMap(PrefixPodAnnotation, v)
	case "ownerReferences":
		b.owner(v)
	default:
		if name, ok := kubernetesLabels[string(key)]; ok {
			b.add(name, v)
		}
	}
}

// owner takes the first owner reference, which is the controller: Kubernetes
// allows one, and pods have no other owners in practice.
func (b *labelBuilder) owner(v jsonscan.Value) {
	owners := jsonscan.Array(v, 0)
	if !owners.Next() {
		return
	}
	walk(owners.Value(), func(key []byte, v jsonscan.Value) {
		switch string(key) {
		case "kind":
			b.add(LabelControllerKind, v)
		case "name":
			b.add(LabelControllerName, v)
		}
	})
}

func (b *labelBuilder) namespace(key []byte, v jsonscan.Value) {
	switch string(key) {
	case "name":
		b.add(LabelNamespace, v)
	case "labels":
		b.addMap(PrefixNamespaceLabel, v)
	case "annotations":
		b.addMap(PrefixNamespaceAnnotation, v)
	}
}

// sanitize turns a key, as it is written in JSON, into what may stand in a
// label name, the way Prometheus' service discoveries do.
func sanitize(key []byte) string {
	if strings.IndexByte(string(key), '\\') >= 0 {
		key = jsonscan.AppendUnescaped(nil, key)
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, string(key))
}
