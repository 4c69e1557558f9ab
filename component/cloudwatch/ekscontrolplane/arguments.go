package ekscontrolplane

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/grafana/alloy/syntax"

	"github.com/grafana/alloy/eks/internal/controlplane"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/receiver"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

var (
	_ syntax.Defaulter = (*Arguments)(nil)
	_ syntax.Validator = (*Arguments)(nil)
)

// Arguments configure cloudwatch.eks_controlplane.
type Arguments struct {
	Receiver receiver.Arguments `alloy:",squash"`

	Cluster        string   `alloy:"cluster,attr,optional"`
	ClusterPattern string   `alloy:"cluster_pattern,attr,optional"`
	LineFormat     string   `alloy:"line_format,attr,optional"`
	Fields         []string `alloy:"fields,attr,optional"`
	Redact         []string `alloy:"redact,attr,optional"`
	DropProfile    string   `alloy:"drop_profile,attr,optional"`

	Drop      []DropArguments             `alloy:"drop,block,optional"`
	Timestamp receiver.TimestampArguments `alloy:"timestamp,block,optional"`
}

// DropArguments are one rule by which audit events are dropped. See
// controlplane.Rule.
type DropArguments struct {
	Verbs           []string `alloy:"verbs,attr,optional"`
	Users           []string `alloy:"users,attr,optional"`
	Stages          []string `alloy:"stages,attr,optional"`
	Resources       []string `alloy:"resources,attr,optional"`
	ExceptResources []string `alloy:"except_resources,attr,optional"`
	APIGroups       []string `alloy:"api_groups,attr,optional"`
	Namespaces      []string `alloy:"namespaces,attr,optional"`
	Names           []string `alloy:"names,attr,optional"`
	RequestURIs     []string `alloy:"request_uris,attr,optional"`
	UserAgents      []string `alloy:"user_agents,attr,optional"`
	ResponseCodes   []string `alloy:"response_codes,attr,optional"`
	Levels          []string `alloy:"levels,attr,optional"`
}

// The values of line_format.
const (
	formatRaw  = "raw"
	formatJSON = "json"
)

// profileSafe is the value of drop_profile for controlplane.SafeProfile.
const profileSafe = "safe"

// defaultRemembered is far more log streams than a hundred clusters have: some
// fourteen each, with a new set at every upgrade.
const defaultRemembered = 10_000

// sources are the times that a line of a control plane has, the best first.
var sources = []timestamp.Source{timestamp.Line, timestamp.CloudWatch, timestamp.Firehose, timestamp.Now}

// SetToDefault implements syntax.Defaulter. Nothing listens unless the block http
// says so: entries can come from other components as well.
func (a *Arguments) SetToDefault() {
	*a = Arguments{
		ClusterPattern: controlplane.DefaultClusterPattern,
		LineFormat:     formatRaw,
		Fields:         controlplane.FieldNames(),
		Redact:         controlplane.DefaultRedact(),
		Timestamp:      receiver.DefaultTimestamp(sources...),
	}
	a.Receiver.SetToDefault(defaultRemembered)
	a.Receiver.Endpoint.Server.HTTP = nil
}

// Validate implements syntax.Validator.
func (a *Arguments) Validate() error {
	_, pattern := a.clusterPattern()
	return errors.Join(
		a.Receiver.Validate(slices.Concat(lokientry.OwnMetadata(), controlplane.FieldNames())),
		a.Timestamp.Validate(sources...),
		pattern,
		oneOf("line_format", a.LineFormat, formatRaw, formatJSON),
		oneOf("drop_profile", a.DropProfile, "", profileSafe),
		a.validateFields(),
		a.validateRedact(),
		a.validateDrop(),
	)
}

func (a *Arguments) clusterPattern() (*regexp.Regexp, error) {
	re, err := regexp.Compile(a.ClusterPattern)
	if err != nil {
		return nil, fmt.Errorf("cluster_pattern must be a regular expression in RE2 syntax, and %q is not: %w", a.ClusterPattern, err)
	}
	if re.NumSubexp() == 0 {
		return nil, fmt.Errorf("cluster_pattern must have a group around the name of the cluster, such as (?P<cluster>[^/]+), and %q has none", a.ClusterPattern)
	}
	return re, nil
}

func oneOf(argument, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	var quoted []string
	for _, v := range allowed {
		quoted = append(quoted, fmt.Sprintf("%q", v))
	}
	return fmt.Errorf("%s must be %s, and is %q", argument, strings.Join(quoted, " or "), value)
}

func (a *Arguments) validateFields() error {
	known := controlplane.FieldNames()
	for _, name := range a.Fields {
		if !slices.Contains(known, name) {
			return fmt.Errorf("fields: %q is no field: use %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// resourceName is the plural name of a resource, or of a resource and one of its
// subresources.
var resourceName = regexp.MustCompile(`^[a-z0-9.-]+(/[a-z0-9.-]+)?$`)

func (a *Arguments) validateRedact() error {
	for _, name := range a.Redact {
		if !resourceName.MatchString(name) {
			return fmt.Errorf(`redact: %q is no resource: use its plural name such as "configmaps", or one with a subresource such as "serviceaccounts/token"`, name)
		}
	}
	return nil
}

func (a *Arguments) validateDrop() error {
	var errs []error
	for i, d := range a.Drop {
		rule := controlplane.Rule(d)
		if err := rule.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("drop block %d: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// rules returns the rules by which audit events are dropped.
func (a *Arguments) rules() []controlplane.Rule {
	var rules []controlplane.Rule
	if a.DropProfile == profileSafe {
		rules = controlplane.SafeProfile()
	}
	for _, d := range a.Drop {
		rules = append(rules, controlplane.Rule(d))
	}
	return rules
}

func (a *Arguments) lineFormat() controlplane.LineFormat {
	if a.LineFormat == formatJSON {
		return controlplane.JSON
	}
	return controlplane.Raw
}
