// Package lokientry turns events into Loki entries: it gives each the labels of
// its stream, its time, its structured metadata, and its own memory.
package lokientry

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	lokiclient "github.com/grafana/alloy/internal/component/common/loki/client"
	"github.com/grafana/loki/pkg/push"

	"github.com/grafana/alloy/eks/internal/event"
)

// The internal labels of a delivery. Those that loki.source.awsfirehose has too
// have its names.
const (
	LabelRequestID = "__aws_firehose_request_id"
	LabelSourceARN = "__aws_firehose_source_arn"
	LabelAccountID = "__aws_account_id"
	LabelRegion    = "__aws_region"
	// PrefixAttribute begins the labels for Firehose's common attributes.
	PrefixAttribute = "__aws_firehose_attribute_"
	// LabelTenant chooses the tenant of an entry; loki.write takes it off.
	LabelTenant = lokiclient.ReservedLabelTenantID
)

// internalPrefix begins the names of labels that no entry carries.
const internalPrefix = "__"

// ServiceName is the label that an entry has when nothing else names its stream:
// Loki refuses entries without labels.
const ServiceName = "service_name"

// UnknownService is the value of ServiceName for entries of unknown origin. It is
// the value that Loki itself chooses.
const UnknownService = "unknown_service"

// Mapping gives an entry a label, or a piece of structured metadata, by name.
type Mapping map[string]string

// Validate checks the names, and returns an error that names the argument.
func (m Mapping) Validate(argument string) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, internalPrefix) {
			return fmt.Errorf("%s: %q is no label name: a letter or an underscore, then letters, digits and underscores, and no two underscores at the start", argument, name)
		}
		if !utf8.ValidString(m[name]) {
			return fmt.Errorf("%s: the value of %q is not valid UTF-8", argument, name)
		}
	}
	return nil
}

// Options configure Streams.
type Options struct {
	// DefaultLabels and DefaultMetadata return what an entry has before anything
	// is configured, by the internal labels of its source and of its delivery,
	// and by the output stream. They are called once for each distinct stream.
	DefaultLabels   func(internal Internal, stream string) []event.Label
	DefaultMetadata func(internal Internal) []event.Label
	// Labels and Metadata add to those and change them: a value that begins with
	// two underscores is the name of an internal label, any other is the value
	// itself, and an empty one takes the name away.
	Labels, Metadata Mapping
	// LevelLabel makes the level a label, where there are few streams, and not
	// structured metadata.
	LevelLabel bool
	// Rules are applied to the internal labels and to those above together.
	Rules []*relabel.Config
}

// Internal returns the value of an internal label, empty when there is none.
type Internal func(name string) string

// First returns the first value that there is under one of the names.
func (i Internal) First(names ...string) string {
	for _, name := range names {
		if v := i(name); v != "" {
			return v
		}
	}
	return ""
}

// Streams knows the label sets of streams. It is safe for concurrent use, and
// never changes: a new configuration is a new Streams. What it remembers is with the sources
// of events, and is forgotten with them.
type Streams struct {
	opts Options
	// wantsRequestID is set when something asks for the id of the request, which
	// makes every delivery a stream of its own here.
	wantsRequestID bool
	seed           maphash.Seed

	building sync.Mutex
	builder  *labels.Builder
	unnamed  event.Source // Stands for that of events without one.
}

// maxStreams is how many streams of one source are remembered: those of each output of a
// container, of each level where that is a label, and of each Firehose stream that brings lines of it.
const maxStreams = 32

type streamKey struct {
	output   string
	level    string // Empty unless the level is a label.
	delivery string
}

// stream is what all events of one origin have in common as entries.
type stream struct {
	labels model.LabelSet // Shared by entries and never changed.
	hash   uint64
	// metadata is copied into each entry, because stages downstream change the
	// slice that an entry holds.
	metadata []push.LabelAdapter
	dropped  bool

	by  *Streams
	key streamKey
	// others are those of the same source that were built before, depth many.
	others *stream
	depth  int
}

// NewStreams returns a Streams for the options.
func NewStreams(opts Options) *Streams {
	return &Streams{
		opts: opts, wantsRequestID: opts.wants(LabelRequestID), seed: maphash.MakeSeed(),
		builder: labels.NewBuilder(labels.EmptyLabels()),
	}
}

// wants reports whether anything configured may look at the internal label.
func (o *Options) wants(name string) bool {
	names, _ := o.Wanted()
	return slices.Contains(names, name) || slices.ContainsFunc(o.Rules, func(rule *relabel.Config) bool {
		return rule.Action == relabel.LabelMap && rule.Regex.MatchString(name)
	})
}

// Wanted returns the internal labels that Labels, Metadata and Rules look at. all
// is set when a rule looks at labels by a pattern, and so may look at any.
func (o *Options) Wanted() (names []string, all bool) {
	for _, m := range []Mapping{o.Labels, o.Metadata} {
		for _, from := range m {
			if strings.HasPrefix(from, internalPrefix) {
				names = append(names, from)
			}
		}
	}
	for _, rule := range o.Rules {
		all = all || rule.Action == relabel.LabelMap
		for _, name := range rule.SourceLabels {
			names = append(names, string(name))
		}
		if rule.Action == relabel.KeepEqual || rule.Action == relabel.DropEqual {
			names = append(names, rule.TargetLabel)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), all
}

// Delivery is what all entries of one delivery have in common. Fill it and call
// Seal before it is given to a Builder.
type Delivery struct {
	RequestID string
	// Labels are internal ones; see the constants.
	Labels []event.Label
	// Static are labels that the sender asks for by name, the lbl_ attributes.
	Static []event.Label
	// Tenant is the tenant of the entries, empty for the default one.
	Tenant string
	// Nanos is the time at which Firehose made the request, 0 when it does not
	// say.
	Nanos int64

	key string
}

// Seal fixes the delivery's identity: deliveries that differ in nothing that can
// make a label share their streams.
func (s *Streams) Seal(d *Delivery) {
	var key strings.Builder
	write := func(text string) { fmt.Fprintf(&key, "%d:%s", len(text), text) }
	write(d.Tenant)
	for _, list := range [][]event.Label{d.Labels, d.Static} {
		fmt.Fprintf(&key, "%d;", len(list))
		for _, l := range list {
			write(l.Name)
			write(l.Value)
		}
	}
	if s.wantsRequestID {
		write(d.RequestID)
	}
	d.key = key.String()
}

// key names the stream of an event among those of its source.
func (s *Streams) key(ev *event.Event, d *Delivery) streamKey {
	key := streamKey{output: ev.Stream, delivery: d.key}
	if s.opts.LevelLabel {
		key.level = ev.Level
	}
	return key
}

// lookup returns the stream of an event, whose key is key. It's found with the source: a search
// among those of 100,000 pods, each of which is in no cache of the processor, takes four times
// as long (BenchmarkStreams).
func (s *Streams) lookup(key streamKey, ev *event.Event, d *Delivery) *stream {
	source := ev.Source
	if source == nil {
		source = &s.unnamed
	}
	if st := s.recall(source).find(key); st != nil {
		return st
	}
	s.building.Lock()
	defer s.building.Unlock()
	others := s.recall(source)
	if st := others.find(key); st != nil {
		return st // Somebody else has built it in the meantime.
	}
	st := s.build(ev, d)
	st.by, st.key, st.others = s, key, others
	if others != nil {
		if st.depth = others.depth + 1; st.depth == maxStreams {
			st.depth, st.others = 0, nil
		}
	}
	source.Derived.Store(st)
	return st
}

// recall returns the stream of a source that s has built last; nil when there is none. Sources
// outlive a Streams, and so may hold a stream of another one.
func (s *Streams) recall(source *event.Source) *stream {
	st, _ := source.Derived.Load().(*stream)
	if st == nil || st.by != s {
		return nil
	}
	return st
}

// find returns the one with that key among st and the others; nil when there is none.
func (st *stream) find(key streamKey) *stream {
	for ; st != nil; st = st.others {
		if st.key == key {
			return st
		}
	}
	return nil
}

// build makes the labels and the metadata of a stream. Only one is built at a time.
func (s *Streams) build(ev *event.Event, d *Delivery) *stream {
	lb := s.builder
	lb.Reset(labels.EmptyLabels())
	set := func(list []event.Label) {
		for _, l := range list {
			lb.Set(l.Name, l.Value)
		}
	}
	set(d.Labels)
	if s.wantsRequestID {
		lb.Set(LabelRequestID, d.RequestID)
	}
	if d.Tenant != "" {
		lb.Set(LabelTenant, d.Tenant)
	}
	if ev.Source != nil {
		set(ev.Source.Labels)
	}
	st := &stream{metadata: s.metadata(lb)}
	set(s.opts.DefaultLabels(lb.Get, ev.Stream))
	if s.opts.LevelLabel {
		lb.Set(MetadataLevel, ev.Level)
	}
	set(d.Static)
	for name, from := range s.opts.Labels {
		lb.Set(name, resolve(from, lb)) // An empty value deletes.
	}
	if !s.relabel(lb) {
		return &stream{dropped: true}
	}
	st.labels, st.hash = s.entryLabels(lb)
	return st
}

// relabel applies the rules, and reports whether the stream is kept. A rule that
// maps labels by a pattern does not make one the tenant, unless it says so: who
// names attributes, or labels of pods, is not who chooses that.
func (s *Streams) relabel(lb *labels.Builder) (keep bool) {
	for _, rule := range s.opts.Rules {
		tenant := lb.Get(LabelTenant)
		if !relabel.ProcessBuilder(lb, rule) {
			return false
		}
		if rule.Action == relabel.LabelMap && rule.Replacement != LabelTenant {
			lb.Set(LabelTenant, tenant) // An empty value deletes.
		}
	}
	return true
}

// resolve returns what a mapping's value stands for.
func resolve(from string, lb *labels.Builder) string {
	if strings.HasPrefix(from, internalPrefix) {
		return lb.Get(from)
	}
	return from
}

func (s *Streams) metadata(lb *labels.Builder) []push.LabelAdapter {
	var out []push.LabelAdapter
	for _, l := range s.opts.DefaultMetadata(lb.Get) {
		if _, changed := s.opts.Metadata[l.Name]; !changed && l.Value != "" {
			out = append(out, push.LabelAdapter{Name: l.Name, Value: l.Value})
		}
	}
	for name, from := range s.opts.Metadata {
		if value := resolve(from, lb); value != "" {
			out = append(out, push.LabelAdapter{Name: name, Value: value})
		}
	}
	slices.SortFunc(out, func(a, b push.LabelAdapter) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// entryLabels returns the labels that an entry may carry, and a hash that equal
// ones have.
func (s *Streams) entryLabels(lb *labels.Builder) (set model.LabelSet, hash uint64) {
	set = model.LabelSet{}
	lb.Range(func(l labels.Label) {
		if strings.HasPrefix(l.Name, internalPrefix) && l.Name != LabelTenant {
			return
		}
		if !model.LegacyValidation.IsValidLabelName(l.Name) || l.Value == "" {
			return
		}
		set[model.LabelName(l.Name)] = model.LabelValue(lokiValue(l.Value))
		hash += maphash.Comparable(s.seed, l) // The order is no part of it.
	})
	_, tenant := set[LabelTenant]
	if len(set) == 0 || (tenant && len(set) == 1) {
		set[ServiceName] = UnknownService
	}
	return set, hash
}

// lokiValue returns a label value that Loki takes. It refuses a whole push for one
// that is not valid UTF-8, and also for the character that stands for such bytes.
func lokiValue(value string) string {
	if !strings.ContainsRune(value, utf8.RuneError) { // Which bad bytes are, too.
		return value
	}
	return strings.ReplaceAll(strings.ToValidUTF8(value, "?"), string(utf8.RuneError), "?")
}
