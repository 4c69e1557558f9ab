package controlplane

import (
	"bytes"
	"hash/maphash"
	"regexp"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// The internal labels of a control-plane event.
const (
	// LabelCluster is the name of the cluster.
	LabelCluster = "__eks_cluster"
	// LabelLogType is the LogType.
	LabelLogType = "__eks_log_type"
	// LabelInstance is the id of the control-plane instance; there are at least
	// two for a cluster, and they come and go.
	LabelInstance = "__eks_instance"
)

// The internal labels of an event that came through CloudWatch Logs, named as
// loki.source.awsfirehose names them.
// https://grafana.com/docs/alloy/latest/reference/components/loki/loki.source.awsfirehose/
const (
	// LabelOwner is the account in which the event arose, the true one if it was
	// centralised from there.
	LabelOwner     = "__aws_owner"
	LabelLogGroup  = "__aws_cw_log_group"
	LabelLogStream = "__aws_cw_log_stream"
	LabelFilters   = "__aws_cw_matched_filters"
	LabelMessage   = "__aws_cw_msg_type"
	// LabelRegion is the region in which the event arose.
	LabelRegion = "__aws_region"
)

// DefaultClusterPattern finds the cluster in the name of a log group, as EKS
// makes it.
const DefaultClusterPattern = `^/aws/eks/(?P<cluster>[^/]+)/cluster$`

// Sources remembers the sources that were made for log streams. It is safe for
// concurrent use and shared by all parsers of a component, which must have one
// ClusterPattern.
type Sources struct {
	seeds [2]maphash.Seed
	known *lru.Cache[fingerprint, *event.Source]
}

// fingerprint stands for the raw bytes of everything that a source is made of.
// With 128 bits under seeds that nobody outside knows, two different origins do
// not meet in a lifetime.
type fingerprint [2]uint64

// NewSources returns a Sources that remembers up to size sources. It fails when
// size is not positive.
func NewSources(size int) (*Sources, error) {
	known, err := lru.New[fingerprint, *event.Source](size)
	if err != nil {
		return nil, err
	}
	return &Sources{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, known: known}, nil
}

// Len returns how many sources are remembered.
func (s *Sources) Len() int { return s.known.Len() }

// mix adds raw to a fingerprint.
func (s *Sources) mix(f fingerprint, raw []byte) fingerprint {
	const odd = 0x9e3779b97f4a7c15 // Keeps the order of the parts significant.
	return fingerprint{
		f[0]*odd + maphash.Bytes(s.seeds[0], raw),
		f[1]*odd + maphash.Bytes(s.seeds[1], raw),
	}
}

// origin is what a source is made of, but for the type. Any part may be empty.
type origin struct {
	owner, account, region []byte
	logGroup, logStream    []byte
	filters                jsonscan.Value
	cluster                []byte // Where the line itself names it.
	enveloped              bool
	streamType             LogType
	instance               []byte
	key                    fingerprint
	source                 *event.Source // That of sourceType.
	sourceType             LogType
}

// settle computes what follows from the parts. It is called when they change.
func (o *origin) settle(s *Sources) {
	o.streamType, o.instance, _ = Classify(o.logStream)
	o.key = fingerprint{}
	for _, part := range [...][]byte{o.owner, o.account, o.region, o.logGroup, o.logStream, o.filters, o.cluster} {
		o.key = s.mix(o.key, part)
	}
	if o.enveloped {
		o.key[0]++
	}
	o.source = nil
}

// anonymous reports whether nothing says which stream a line belongs to.
func (o *origin) anonymous() bool { return len(o.logStream) == 0 }

// source returns the source of lines of type t from o.
func (s *Sources) source(o *origin, t LogType, pattern *regexp.Regexp) *event.Source {
	if o.source != nil && o.sourceType == t {
		return o.source
	}
	f := o.key
	f[0] += maphash.String(s.seeds[0], string(t))
	f[1] += maphash.String(s.seeds[1], string(t))
	src, ok := s.known.Get(f)
	if !ok {
		src = o.build(t, pattern)
		if prev, ok, _ := s.known.PeekOrAdd(f, src); ok {
			src = prev
		}
	}
	o.source, o.sourceType = src, t
	return src
}

// build makes the source.
func (o *origin) build(t LogType, pattern *regexp.Regexp) *event.Source {
	src := &event.Source{}
	add := func(name string, value []byte) {
		if len(value) > 0 {
			src.Labels = append(src.Labels, event.Label{Name: name, Value: strings.ToValidUTF8(string(value), "\ufffd")})
		}
	}
	cluster := o.cluster
	if len(cluster) == 0 {
		cluster = clusterOf(o.logGroup, pattern)
	}
	add(LabelCluster, cluster)
	add(LabelLogType, []byte(t))
	add(LabelInstance, o.instance)
	account := o.account
	if len(account) == 0 {
		account = o.owner
	}
	add(LabelOwner, account)
	add(LabelRegion, o.region)
	add(LabelLogGroup, o.logGroup)
	add(LabelLogStream, o.logStream)
	add(LabelFilters, joined(nil, o.filters))
	if o.enveloped {
		add(LabelMessage, []byte("DATA_MESSAGE"))
	}
	return src
}

// clusterOf returns what the pattern's group cluster, or its first one, matches
// in the name of a log group.
func clusterOf(logGroup []byte, pattern *regexp.Regexp) []byte {
	group := pattern.SubexpIndex("cluster")
	if group < 0 {
		group = 1
	}
	if m := pattern.FindSubmatch(logGroup); group < len(m) {
		return m[group]
	}
	return nil
}

// joined appends the strings of a JSON array to dst, with commas between them.
func joined(dst []byte, v jsonscan.Value) []byte {
	start := len(dst)
	for list := jsonscan.Array(v, 0); list.Next(); {
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = list.Value().AppendText(dst)
	}
	return dst
}

// setARN takes account, region and cluster from the ARN of an EKS resource,
//
//	arn:aws:eks:eu-central-1:111122223333:cluster/shop
//
// and returns the kind of that resource, empty when it is no such ARN. Whatever
// belongs to a cluster names it after its own kind.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
func (o *origin) setARN(arn []byte) (kind []byte) {
	var parts [6][]byte
	rest := arn
	for i := range parts[:5] {
		colon := bytes.IndexByte(rest, ':')
		if colon < 0 {
			return nil
		}
		parts[i], rest = rest[:colon], rest[colon+1:]
	}
	if string(parts[0]) != "arn" || string(parts[2]) != "eks" {
		return nil
	}
	kind, rest, ok := bytes.Cut(rest, []byte{'/'})
	if !ok {
		return nil
	}
	o.region, o.account = parts[3], parts[4]
	o.cluster, _, _ = bytes.Cut(rest, []byte{'/'})
	return kind
}
