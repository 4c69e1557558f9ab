package controlplane

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/grafana/alloy/eks/internal/cwlogs"
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

// DefaultClusterPattern finds the cluster in the name of a log group, as EKS
// makes it.
const DefaultClusterPattern = `^/aws/eks/(?P<cluster>[^/]+)/cluster$`

// origin is what a source is made of, but for the type. Any part may be empty.
type origin struct {
	owner, account, region []byte
	logGroup, logStream    []byte
	filters                jsonscan.Value
	file                   []byte // Where it, and not the stream, is known.
	cluster                []byte // Where the line itself names it.
	enveloped              bool
	told                   LogType // By the lines, where the stream does not tell it.
	streamType             LogType
	instance               []byte
	key                    event.Fingerprint // Of the source, but for the type.
	flow                   event.Fingerprint // Of the lines that belong to each other.
	source                 *event.Source     // That of sourceType.
	sourceType             LogType
}

// settle computes what follows from the parts. It is called when they change.
func (o *origin) settle(known *event.Sources) {
	o.streamType, o.instance, _ = Classify(o.logStream)
	if o.streamType == Unknown && o.told != "" {
		o.streamType = o.told
	}
	o.key = event.Fingerprint{}
	for _, part := range [...][]byte{o.owner, o.account, o.region, o.logGroup, o.logStream, o.filters, o.cluster} {
		o.key = known.Mix(o.key, part)
	}
	if o.enveloped {
		o.key[0]++
	}
	o.flow = known.Mix(o.key, o.file)
	o.source = nil
}

// anonymous reports whether nothing says which lines belong to each other.
func (o *origin) anonymous() bool { return len(o.logStream) == 0 && len(o.file) == 0 }

// sourceOf returns the source of lines of type t from o. All parsers that share
// known must have one pattern.
func (o *origin) sourceOf(known *event.Sources, t LogType, pattern *regexp.Regexp) *event.Source {
	if o.source != nil && o.sourceType == t {
		return o.source
	}
	f := known.Mix(o.key, []byte(t))
	src, ok := known.Get(f)
	if !ok {
		src = known.Keep(f, o.build(t, pattern))
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
	add(cwlogs.LabelOwner, account)
	add(cwlogs.LabelRegion, o.region)
	add(cwlogs.LabelLogGroup, o.logGroup)
	add(cwlogs.LabelLogStream, o.logStream)
	add(cwlogs.LabelFilters, []byte(cwlogs.FilterNames(o.filters)))
	if o.enveloped {
		add(cwlogs.LabelMessage, []byte(cwlogs.MessageData))
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
