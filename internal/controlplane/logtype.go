package controlplane

import (
	"bytes"
	"strings"
)

// LogType names the part of a control plane that wrote a line. It is the value
// of the label log_type.
type LogType string

// The log types. The first five are spelled as EKS's API spells them.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_LogSetup.html
const (
	// API is the Kubernetes API server's own log.
	API LogType = "api"
	// Audit is the record of the requests that were made to the API server.
	Audit LogType = "audit"
	// Authenticator is aws-iam-authenticator, which maps IAM principals to users.
	Authenticator LogType = "authenticator"
	// ControllerManager is kube-controller-manager.
	ControllerManager LogType = "controllerManager"
	// Scheduler is kube-scheduler.
	Scheduler LogType = "scheduler"
	// CloudControllerManager is AWS's cloud-controller-manager. EKS delivers it
	// with ControllerManager, in streams of its own, and has no name for it.
	CloudControllerManager LogType = "cloudControllerManager"
	// AutoMode is a controller that EKS Auto Mode runs outside of the cluster.
	AutoMode LogType = "autoMode"
	// Capability is an EKS capability: Argo CD, ACK or kro, run by EKS.
	Capability LogType = "capability"
	// Unknown is a line that neither its stream nor its content places.
	Unknown LogType = "unknown"
)

// streamPrefixes are what EKS begins the names of log streams with. One is the
// beginning of another, which therefore stands before it.
// https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
var streamPrefixes = [...]struct {
	prefix  string
	logType LogType
}{
	{"kube-apiserver-audit-", Audit},
	{"kube-apiserver-", API},
	{"authenticator-", Authenticator},
	{"kube-controller-manager-", ControllerManager},
	{"cloud-controller-manager-", CloudControllerManager},
	{"kube-scheduler-", Scheduler},
}

// instanceLen is the length of the id of a control-plane instance.
const instanceLen = 32

// Classify reads the name of a log stream: the type of its log, and the id of
// the control-plane instance, 32 lower-case hexadecimal digits, empty when the
// name ends in anything else. ok is false for the stream of somebody else. The
// id is a part of stream.
func Classify(stream []byte) (t LogType, instance []byte, ok bool) {
	for i := range streamPrefixes {
		p := &streamPrefixes[i]
		if len(stream) < len(p.prefix) || string(stream[:len(p.prefix)]) != p.prefix {
			continue
		}
		if id := stream[len(p.prefix):]; isInstance(id) {
			return p.logType, id, true
		}
		return p.logType, nil, true
	}
	return Unknown, nil, false
}

// streamIn returns the name of the log stream that stands in the path of a file,
// as CloudWatch's export to S3 makes it, whatever stands around it; empty when
// there is none. One that holds the id of an instance goes before one that does
// not, such as a folder of somebody else's, and the last one before the others.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
func streamIn(path string) string {
	found := ""
	for rest := path; rest != ""; {
		slash := strings.LastIndexByte(rest, '/')
		name, _, _ := strings.Cut(rest[slash+1:], ".") // No stream's name has a dot, a file's has.
		rest = rest[:max(slash, 0)]
		_, instance, ok := Classify([]byte(name))
		if len(instance) > 0 {
			return name
		}
		if ok && found == "" {
			found = name
		}
	}
	return found
}

func isInstance(id []byte) bool {
	if len(id) != instanceLen {
		return false
	}
	for _, c := range id {
		if !isDigit(c) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// klogFiles are source files that stand in one component only, of those which
// write often. They place a klog line whose stream is not known.
var klogFiles = map[string]LogType{
	"alloc.go":                    API,
	"apf_controller.go":           API,
	"available_controller.go":     API,
	"cacher.go":                   API,
	"cidrallocator.go":            API,
	"dispatcher.go":               API,
	"get.go":                      API,
	"node_authorizer.go":          API,
	"quota_evaluator.go":          API,
	"storage_rbac.go":             API,
	"wrap.go":                     API,
	"default_binder.go":           Scheduler,
	"default_preemption.go":       Scheduler,
	"eventhandlers.go":            Scheduler,
	"preemption.go":               Scheduler,
	"schedule_one.go":             Scheduler,
	"scheduling_queue.go":         Scheduler,
	"attach_detach_controller.go": ControllerManager,
	"cronjob_controllerv2.go":     ControllerManager,
	"daemon_controller.go":        ControllerManager,
	"deployment_controller.go":    ControllerManager,
	"disruption.go":               ControllerManager,
	"endpointslice_controller.go": ControllerManager,
	"garbagecollector.go":         ControllerManager,
	"graph_builder.go":            ControllerManager,
	"horizontal.go":               ControllerManager,
	"job_controller.go":           ControllerManager,
	"namespace_controller.go":     ControllerManager,
	"pv_controller.go":            ControllerManager,
	"replica_set.go":              ControllerManager,
	"resource_quota_monitor.go":   ControllerManager,
	"stateful_set.go":             ControllerManager,
	"taint_eviction.go":           ControllerManager,
	"aws_loadbalancer.go":         CloudControllerManager,
	"route_controller.go":         CloudControllerManager,
	"tagging_controller.go":       CloudControllerManager,
}

// auditOpening is how the API server begins every audit event.
var auditOpening = []byte(`{"kind":"Event","apiVersion":"audit.k8s.io/`)

func opensAudit(line []byte) bool { return bytes.HasPrefix(line, auditOpening) }

func isDigit(c byte) bool { return c-'0' <= 9 }
