package controlplane

import "math/bits"

// field is one of the fields that an event can have. The order is the one in
// which they stand in Event.Fields and in the JSON form of a line.
type field uint8

// The names of fields, for every type of log. They are stable: queries and
// alerts hold them.
const (
	// FieldMessage is the message of a line that has fields beside it. A line of
	// plain text has none: it is its own message.
	FieldMessage = "msg"
	// FieldTruncated is "true" where a part of the event is missing: cut off by
	// CloudWatch Logs, or taken out by the API server to stay below its limit.
	FieldTruncated = "truncated"
)

// The names of the fields of klog lines: api, controllerManager, scheduler,
// cloudControllerManager.
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-instrumentation/migration-to-structured-logging.md
const (
	// FieldSourceFile is the file of the program that wrote the line: httplog.go.
	FieldSourceFile = "source_file"
	// FieldSourceLine is the number of the line in that file.
	FieldSourceLine = "source_line"
	// FieldThreadID is what klog calls so; on EKS it is the process id.
	FieldThreadID = "thread_id"
)

// The names of the fields of audit events.
// https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
const (
	// FieldAuditID is the same for all events of one request.
	FieldAuditID = "audit_id"
	// FieldStage is RequestReceived, ResponseStarted, ResponseComplete or Panic.
	FieldStage = "stage"
	// FieldVerb is the Kubernetes verb, or the HTTP method in lower case of a
	// request that is for no resource.
	FieldVerb = "verb"
	// FieldUser is the name of the authenticated user.
	FieldUser = "user"
	// FieldGroups are that user's groups, with commas between them.
	FieldGroups = "groups"
	// FieldImpersonatedUser is the name of the user as whom the request was made.
	FieldImpersonatedUser = "impersonated_user"
	// FieldImpersonatedGroups are the groups as whose member the request was made,
	// with commas between them.
	FieldImpersonatedGroups = "impersonated_groups"
	// FieldSourceIPs are the addresses of the client and of proxies, with commas
	// between them.
	FieldSourceIPs = "source_ips"
	// FieldUserAgent is what the client calls itself.
	FieldUserAgent = "user_agent"
	// FieldResource is the plural name of the resource: pods.
	FieldResource = "resource"
	// FieldSubresource is the part of the resource that is meant: exec, status.
	FieldSubresource = "subresource"
	// FieldNamespace is the namespace of the object.
	FieldNamespace = "namespace"
	// FieldName is the name of the object.
	FieldName = "name"
	// FieldAPIGroup is the API group of the resource; the core group has none.
	FieldAPIGroup = "api_group"
	// FieldResponseCode is the HTTP status of the answer.
	FieldResponseCode = "response_code"
	// FieldDecision is what the authorizer decided: allow or forbid.
	FieldDecision = "decision"
	// FieldReason is why the authorizer decided so, such as the role binding.
	FieldReason = "reason"
	// FieldRequestURI is the path of the request with its query.
	FieldRequestURI = "request_uri"
	// FieldPrincipalARN is the IAM principal behind the user.
	FieldPrincipalARN = "principal_arn"
	// FieldSessionName is the session name of the assumed role. Authenticator
	// lines have it too.
	FieldSessionName = "session_name"
	// FieldRequestReceived is when the API server received the request, RFC 3339.
	// A watch, or an exec, lies minutes before the line's time.
	FieldRequestReceived = "request_received"
	// FieldPolicyLevel says how much the audit policy records of the request:
	// Metadata, Request or RequestResponse. It is no severity.
	FieldPolicyLevel = "policy_level"
)

// The names of the fields of authenticator lines. The access key id is left to
// the line: it is of use in CloudTrail only, and metadata travels further.
const (
	// FieldOutcome is granted or denied; lines of other kinds have none.
	FieldOutcome = "outcome"
	// FieldARN is the IAM principal that asked: the role or user that was mapped,
	// or the assumed role, as STS has it.
	FieldARN = "arn"
	// FieldUsername is the Kubernetes user to whom the principal is mapped. The
	// groups are in FieldGroups.
	FieldUsername = "username"
	// FieldUID is the id of that user.
	FieldUID = "uid"
	// FieldError is why access was denied.
	FieldError = "error"
	// FieldAccountID is the principal's account.
	FieldAccountID = "account_id"
	// FieldSTSEndpoint is the STS endpoint that was asked.
	FieldSTSEndpoint = "sts_endpoint"
)

// The names of the fields of EKS Auto Mode and of capabilities.
const (
	// FieldController is the controller that wrote the line.
	FieldController = "controller"
	// FieldReconcileID is the same for all lines of one reconciliation.
	FieldReconcileID = "reconcile_id"
	// FieldResourceARN is the cluster or capability.
	FieldResourceARN = "resource_arn"
)

const (
	message field = iota
	truncated
	sourceFile
	sourceLine
	threadID
	auditID
	stage
	verb
	user
	groups
	impersonatedUser
	impersonatedGroups
	sourceIPs
	userAgent
	resource
	subresource
	namespace
	name
	apiGroup
	responseCode
	decision
	reason
	requestURI
	principalARN
	sessionName
	requestReceived
	policyLevel
	outcome
	arn
	username
	uid
	errorText
	accountID
	stsEndpoint
	controller
	reconcileID
	resourceARN
	numFields
)

var fieldNames = [numFields]string{
	FieldMessage, FieldTruncated, FieldSourceFile, FieldSourceLine, FieldThreadID,
	FieldAuditID, FieldStage, FieldVerb, FieldUser, FieldGroups, FieldImpersonatedUser, FieldImpersonatedGroups, FieldSourceIPs, FieldUserAgent,
	FieldResource, FieldSubresource, FieldNamespace, FieldName, FieldAPIGroup, FieldResponseCode, FieldDecision, FieldReason,
	FieldRequestURI, FieldPrincipalARN, FieldSessionName, FieldRequestReceived, FieldPolicyLevel,
	FieldOutcome, FieldARN, FieldUsername, FieldUID, FieldError, FieldAccountID, FieldSTSEndpoint,
	FieldController, FieldReconcileID, FieldResourceARN,
}

// FieldNames returns the names of all fields, in the order in which events have
// them.
func FieldNames() []string { return append([]string(nil), fieldNames[:]...) }

// fieldSet is a set of fields, a bit for each.
type fieldSet uint64

func (s fieldSet) has(f field) bool { return s&(1<<f) != 0 }

// first returns the first field of a set that is not empty, and rest the others.
func (s fieldSet) first() field   { return field(bits.TrailingZeros64(uint64(s))) }
func (s fieldSet) rest() fieldSet { return s & (s - 1) }

// newFieldSet returns the set of the fields with these names; all of them for
// nil. Names that no field has are ignored.
func newFieldSet(names []string) fieldSet {
	if names == nil {
		return 1<<numFields - 1
	}
	var s fieldSet
	for _, n := range names {
		for f := range numFields {
			if fieldNames[f] == n {
				s |= 1 << f
			}
		}
	}
	return s
}
