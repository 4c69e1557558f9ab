package kubelog

import (
	"bytes"
	"slices"
	"strings"

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

// maxLabels bounds the labels of one source: Kubernetes has no bound of its own
// for the number of annotations, and a source is remembered for long.
const maxLabels = 512

// origin is the raw text of what a source is made of. Any part may be empty.
type origin struct {
	kubernetes jsonscan.Value // The kubernetes object of the filter.
	namespace  jsonscan.Value // The kubernetes_namespace object of newer versions.
	lifted     []member       // kubernetes_* members that nest lifted.
	extras     []member       // Members for __record_ labels.

	// Where CloudWatch read the event, and the envelope's share of the
	// fingerprint.
	envelope        *cwlogs.Envelope
	envelopeKey     event.Fingerprint
	account, region []byte
}

// member is one member of a JSON object, as it is written.
type member struct {
	key, value jsonscan.Value
}

// envelopeKey returns the share of an envelope in the fingerprints of its events.
func envelopeKey(known *event.Sources, env *cwlogs.Envelope) event.Fingerprint {
	var f event.Fingerprint
	for _, part := range [][]byte{env.Owner, env.LogGroup, env.LogStream, env.Filters} {
		f = known.Mix(f, part)
	}
	return f
}

// source returns the source for o, nil when nothing is known.
func (o *origin) source(known *event.Sources, wanted wantedLabels) *event.Source {
	var f event.Fingerprint
	f = known.Mix(f, o.kubernetes)
	f = known.Mix(f, o.namespace)
	for _, list := range [][]member{o.lifted, o.extras} {
		for _, part := range list {
			f = known.Mix(known.Mix(f, part.key), part.value)
		}
	}
	if o.envelope != nil {
		f = known.Mix(known.Mix(f, o.account), o.region)
		f[0] += o.envelopeKey[0]
		f[1] += o.envelopeKey[1]
	}
	if src, ok := known.Get(f); ok {
		return src
	}
	return known.Keep(f, o.build(wanted))
}

// usualLabels is more labels than most sources have.
const usualLabels = 16

// wantedLabels are the names of the labels that sources are to have; nil for all.
type wantedLabels map[string]string

// name returns the label's name, and whether it is wanted.
func (w wantedLabels) name(prefix string, key []byte) (string, bool) {
	if w == nil {
		return prefix + sanitize(key), true
	}
	var room [128]byte
	name, ok := w[string(appendSanitized(append(room[:0], prefix...), key))]
	return name, ok
}

// build reads the labels of o; nil when there are none.
func (o *origin) build(wanted wantedLabels) *event.Source {
	b := labelBuilder{wanted: wanted, labels: make([]event.Label, 0, max(len(wanted), usualLabels))}
	walk(o.kubernetes, b.kubernetes)
	for _, part := range o.lifted {
		b.kubernetes(part.key[len(`"kubernetes_`):len(part.key)-1], part.value)
	}
	walk(o.namespace, b.namespace)
	for _, part := range o.extras {
		key := part.key[1 : len(part.key)-1]
		b.addKey(PrefixRecord, key, part.value)
	}
	if o.envelope != nil {
		b.envelope(o.envelope, o.account, o.region)
	}
	if len(b.labels) == 0 {
		return nil
	}
	// Clone, as the room for more labels would be a fifth of what many sources take.
	return &event.Source{Labels: slices.Clone(b.labels)}
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
	wanted wantedLabels
	labels []event.Label
	// seen are the names of the labels when there are too many to look through.
	seen map[string]bool
}

// maxLookedThrough is how many labels are looked through for a name.
const maxLookedThrough = 32

func (b *labelBuilder) has(name string) bool {
	if len(b.labels) <= maxLookedThrough {
		return slices.ContainsFunc(b.labels, func(l event.Label) bool { return l.Name == name })
	}
	if b.seen == nil {
		b.seen = map[string]bool{}
		for _, l := range b.labels {
			b.seen[l.Name] = true
		}
	}
	return b.seen[name]
}

// addKey adds a label whose name is made of a key.
func (b *labelBuilder) addKey(prefix string, key []byte, v jsonscan.Value) {
	if name, ok := b.wanted.name(prefix, key); ok {
		b.addValue(name, v)
	}
}

// add adds a label.
func (b *labelBuilder) add(name string, v jsonscan.Value) {
	if b.wants(name) {
		b.addValue(name, v)
	}
}

// addText adds a label whose value is not JSON.
func (b *labelBuilder) addText(name, value string) {
	if b.wants(name) {
		b.put(name, value)
	}
}

func (b *labelBuilder) wants(name string) bool {
	_, ok := b.wanted[name]
	return ok || b.wanted == nil
}

func (b *labelBuilder) addValue(name string, v jsonscan.Value) {
	if v.IsObject() || v.IsArray() || string(v) == "null" {
		return
	}
	b.put(name, string(v.AppendText(nil)))
}

func (b *labelBuilder) put(name, value string) {
	if value == "" || len(b.labels) >= maxLabels || b.has(name) {
		return
	}
	if b.seen != nil {
		b.seen[name] = true
	}
	b.labels = append(b.labels, event.Label{Name: name, Value: strings.ToValidUTF8(value, "\ufffd")})
}

// addMap adds every member of an object under a prefix.
func (b *labelBuilder) addMap(prefix string, v jsonscan.Value) {
	walk(v, func(key []byte, v jsonscan.Value) { b.addKey(prefix, key, v) })
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
func sanitize(key []byte) string { return string(appendSanitized(nil, key)) }

func appendSanitized(dst, key []byte) []byte {
	if bytes.IndexByte(key, '\\') >= 0 {
		key = jsonscan.AppendUnescaped(nil, key)
	}
	for _, r := range string(key) {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			dst = append(dst, byte(r))
		} else {
			dst = append(dst, '_')
		}
	}
	return dst
}
