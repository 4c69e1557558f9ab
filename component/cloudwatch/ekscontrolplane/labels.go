package ekscontrolplane

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/controlplane"
	"github.com/grafana/alloy/eks/internal/cwlogs"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/lokientry"
)

// defaultLabels returns a function that gives the labels which an entry has
// without any configuration, beside the level. cluster is for lines whose log
// group is not known.
func defaultLabels(cluster string) func(lokientry.Internal, string) []event.Label {
	return func(internal lokientry.Internal, _ string) []event.Label {
		name := internal(controlplane.LabelCluster)
		if name == "" {
			name = cluster
		}
		return []event.Label{
			{Name: "cluster", Value: name},
			{Name: "log_type", Value: internal(controlplane.LabelLogType)},
		}
	}
}

// defaultMetadata returns the structured metadata which an entry has without any
// configuration, beside its fields and what lokientry adds.
func defaultMetadata(internal lokientry.Internal) []event.Label {
	return []event.Label{
		{Name: "account", Value: internal.First(cwlogs.LabelOwner, lokientry.LabelAccountID)},
		{Name: "region", Value: internal(lokientry.LabelRegion)},
		{Name: "instance", Value: internal(controlplane.LabelInstance)},
	}
}

// labelFilename is the internal label for the file that an entry of another
// component was read from.
const labelFilename = "__filename"

// The labels by which an entry of another component says where its line was read.
// Those of one list mean the same; the first that there is counts.
var (
	groupLabels    = []model.LabelName{cwlogs.LabelLogGroup, "log_group"}
	streamLabels   = []model.LabelName{cwlogs.LabelLogStream, "log_stream"}
	accountLabels  = []model.LabelName{cwlogs.LabelOwner, lokientry.LabelAccountID, "account"}
	regionLabels   = []model.LabelName{cwlogs.LabelRegion, "region"}
	filenameLabels = []model.LabelName{"filename"} // As loki.source.file has it.
)

// ownLabels are those that an entry has from its line, whatever labels another
// component gave it.
var ownLabels = []model.LabelName{"log_type", lokientry.MetadataLevel}

// origin returns where the line of an entry was read.
func origin(e *loki.Entry) controlplane.Origin {
	o := controlplane.Origin{
		LogGroup:  first(e.Labels, groupLabels),
		LogStream: first(e.Labels, streamLabels),
		Account:   first(e.Labels, accountLabels),
		Region:    first(e.Labels, regionLabels),
		Filename:  first(e.Labels, filenameLabels),
	}
	if !e.Timestamp.IsZero() {
		o.Received = e.Timestamp.UnixNano()
	}
	return o
}

func first(set model.LabelSet, names []model.LabelName) string {
	for _, name := range names {
		if v := set[name]; v != "" {
			return string(v)
		}
	}
	return ""
}

// describe returns what the labels of an entry of another component say of ours:
// they are its labels too, but for those that say where the line was read, which
// would give the lines of one log stream to as many streams as there are ways
// for them to come.
func describe(set model.LabelSet) *lokientry.Delivery {
	d := &lokientry.Delivery{Tenant: string(set[lokientry.LabelTenant])}
	said := slices.Concat(groupLabels, streamLabels, accountLabels, regionLabels, filenameLabels, ownLabels)
	for name, value := range set {
		label := event.Label{Name: string(name), Value: string(value)}
		switch {
		case strings.HasPrefix(label.Name, "__"):
			d.Labels = append(d.Labels, label)
		case !slices.Contains(said, name):
			d.Static = append(d.Static, label)
		}
	}
	if file := first(set, filenameLabels); file != "" {
		d.Labels = append(d.Labels, event.Label{Name: labelFilename, Value: file})
	}
	for _, list := range [][]event.Label{d.Labels, d.Static} {
		slices.SortFunc(list, func(a, b event.Label) int { return strings.Compare(a.Name, b.Name) })
	}
	return d
}
