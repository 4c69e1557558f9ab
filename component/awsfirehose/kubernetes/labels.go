package kubernetes

import (
	"slices"
	"strings"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/kubelog"
	"github.com/grafana/alloy/eks/internal/lokientry"
)

// appLabels are the pod labels that name an application, the most telling first.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
var appLabels = []string{
	kubelog.PrefixPodLabel + "app_kubernetes_io_name",
	kubelog.PrefixPodLabel + "app",
	kubelog.PrefixPodLabel + "k8s_app",
}

// serviceAnnotation is how a pod names its service for OpenTelemetry.
// https://opentelemetry.io/docs/specs/semconv/non-normative/k8s-attributes/
const serviceAnnotation = kubelog.PrefixPodAnnotation + "resource_opentelemetry_io_service_name"

// hostLabels name what wrote a line that is no container's.
var hostLabels = []string{kubelog.PrefixRecord + "systemd_unit", kubelog.PrefixRecord + "ident"}

// nodeLabels name the node that a line was written on.
var nodeLabels = []string{kubelog.LabelNodeName, kubelog.PrefixRecord + "hostname", kubelog.PrefixRecord + "host"}

// defaultLabels returns a function that gives the labels which an entry has
// without any configuration.
func defaultLabels(cluster string) func(internal lokientry.Internal, stream string) []event.Label {
	return func(internal lokientry.Internal, stream string) []event.Label {
		container := internal(kubelog.LabelContainerName)
		app := internal.First(appLabels...)
		service := internal.First(serviceAnnotation)
		for _, name := range []string{app, container, internal.First(hostLabels...), lokientry.UnknownService} {
			if service == "" {
				service = name
			}
		}
		return []event.Label{
			{Name: "cluster", Value: cluster},
			{Name: "namespace", Value: internal(kubelog.LabelNamespace)},
			{Name: "container", Value: container},
			{Name: "app", Value: app},
			{Name: lokientry.ServiceName, Value: service},
			{Name: "stream", Value: stream},
		}
	}
}

// defaultMetadata returns the structured metadata which an entry has without any
// configuration, beside what lokientry adds.
func defaultMetadata(internal lokientry.Internal) []event.Label {
	return []event.Label{
		{Name: "pod", Value: internal(kubelog.LabelPodName)},
		{Name: "node", Value: internal.First(nodeLabels...)},
		{Name: "image", Value: internal(kubelog.LabelContainerImage)},
	}
}

// ownLabels are the internal labels that the defaults above look at.
var ownLabels = slices.Concat(
	appLabels, []string{serviceAnnotation}, hostLabels, nodeLabels,
	[]string{kubelog.LabelNamespace, kubelog.LabelContainerName, kubelog.LabelPodName, kubelog.LabelContainerImage},
)

// wantedLabels returns the internal labels that make a difference, sorted; nil if
// any may.
func wantedLabels(opts *lokientry.Options) []string {
	names, all := opts.Wanted()
	if all {
		return nil
	}
	names = append(names, ownLabels...)
	slices.Sort(names)
	return slices.Compact(names)
}

// recordKeys returns the keys of records that the arguments ask for, so that the
// parser looks for no others: any key could be the application's own.
func recordKeys(opts *lokientry.Options) map[string]bool {
	keys := map[string]bool{}
	names, _ := opts.Wanted()
	for _, name := range names {
		if key, ok := strings.CutPrefix(name, kubelog.PrefixRecord); ok {
			keys[key] = true
		}
	}
	return keys
}
