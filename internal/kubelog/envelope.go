package kubelog

import (
	"strings"

	"github.com/grafana/alloy/eks/internal/cwlogs"
)

// containerLog begins the part of a log stream's name that is the path of a
// container log, with slashes as dots: Fluent Bit's tail input makes its tag so,
// and its cloudwatch outputs make the stream's name of the tag.
const containerLog = "var.log.containers."

// containerID is the length of the id at the end of a container log's name.
const containerID = 64

// ParseStreamName reads pod, namespace, container and container id out of the
// name of a log stream such as
//
//	ip-10-0-3-7.ec2.internal-application.var.log.containers.web-5c8d7_shop_nginx-<64 hex>.log
//
// Neither pod nor namespace may hold an underscore, and the container's name
// ends at the last hyphen. ok is false for names of another form.
// https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
func ParseStreamName(name string) (pod, namespace, container, id string, ok bool) {
	at := strings.LastIndex(name, containerLog)
	if at < 0 {
		return "", "", "", "", false
	}
	name = strings.TrimSuffix(name[at+len(containerLog):], ".log")
	pod, rest, ok := strings.Cut(name, "_")
	if !ok {
		return "", "", "", "", false
	}
	namespace, rest, ok = strings.Cut(rest, "_")
	if !ok || len(rest) < containerID+2 || rest[len(rest)-containerID-1] != '-' {
		return "", "", "", "", false
	}
	container, id = rest[:len(rest)-containerID-1], rest[len(rest)-containerID:]
	return pod, namespace, container, id, pod != "" && namespace != ""
}

// systemdUnit stands before the unit's name in the stream names that
// Container Insights gives to its dataplane logs.
const systemdUnit = "-dataplane.systemd."

// envelope adds what a CloudWatch Logs envelope says of its events. An event
// that was centralised from elsewhere names its own account and region.
func (b *labelBuilder) envelope(env *cwlogs.Envelope, account, region []byte) {
	stream := string(env.LogStream)
	if pod, namespace, container, id, ok := ParseStreamName(stream); ok {
		b.addText(LabelPodName, pod)
		b.addText(LabelNamespace, namespace)
		b.addText(LabelContainerName, container)
		b.addText(LabelContainerID, id)
	} else if _, unit, ok := strings.Cut(stream, systemdUnit); ok {
		b.addText(PrefixRecord+"systemd_unit", unit)
	}
	if len(account) == 0 {
		account = env.Owner
	}
	b.addText(cwlogs.LabelOwner, string(account))
	b.addText(cwlogs.LabelRegion, string(region))
	b.addText(cwlogs.LabelLogGroup, string(env.LogGroup))
	b.addText(cwlogs.LabelLogStream, stream)
	b.addText(cwlogs.LabelFilters, cwlogs.FilterNames(env.Filters))
	b.addText(cwlogs.LabelMessage, cwlogs.MessageData)
}
