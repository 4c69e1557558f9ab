package terraform

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type policy struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource any
		Principal        any
		Condition        map[string]map[string]any
	}
}

func strs(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, s := range v {
			all = append(all, s.(string))
		}
		return all
	}
	return nil
}

// reasoned are the grants that end in a wildcard, with the reason.
var reasoned = map[string]string{
	"s3:AbortMultipartUpload": "objects of the one bucket: Firehose chooses their names",
	"s3:GetObject":            "objects of the one bucket: Firehose chooses their names",
	"s3:PutObject":            "objects of the one bucket: Firehose chooses their names",
}

// requireLeast checks that an Allow names actions one by one, on resources of the partition that it is for; and that a role is lent under a condition only.
func requireLeast(t *testing.T, address, document, partition string) {
	t.Helper()
	var p policy
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&p), address)
	require.Equal(t, "2012-10-17", p.Version)
	require.NotEmpty(t, p.Statement)
	for _, s := range p.Statement {
		if s.Effect == "Deny" {
			continue
		}
		require.Equal(t, "Allow", s.Effect)
		for _, action := range strs(s.Action) {
			require.Regexp(t, `^[a-z0-9]+:[A-Za-z]+$`, action, address)
			if action == "sts:AssumeRole" {
				require.NotEmpty(t, s.Condition, address)
				require.Empty(t, s.Resource)
				continue
			}
			require.NotEmpty(t, strs(s.Resource), address)
			for _, resource := range strs(s.Resource) {
				require.True(t, strings.HasPrefix(resource, "arn:"+partition+":"), "%s: %s", address, resource)
				if strings.Contains(resource, "*") {
					require.Contains(t, reasoned, action, address)
					require.Regexp(t, `^[^*]+[/:]\*$`, resource, address)
				}
			}
		}
	}
}

var partitions = []struct{ partition, region, suffix string }{
	{"aws", "eu-central-1", "amazonaws.com"},
	{"aws-cn", "cn-north-1", "amazonaws.com.cn"},
	{"aws-us-gov", "us-gov-west-1", "amazonaws.com"},
}

func exampleVariables(partition, region string) (complete, multi map[string]any) {
	secret := fmt.Sprintf("arn:%s:secretsmanager:%s:%s:secret:access-key-a1b2c3", partition, region, loggingAccount)
	complete = map[string]any{
		"region": region, "cluster_name": "shop", "pod_execution_role_names": []string{"fargate-a", "fargate-b"},
		"containers_endpoint_url": "https://containers.firehose.example.com/", "containers_secret_arn": secret,
		"controlplane_endpoint_url": "https://controlplane.firehose.example.com/", "controlplane_secret_arn": secret,
	}
	multi = map[string]any{
		"region": region, "cluster_names": []string{"shop", "bank"}, "logging_profile": "logging", "workload_profile": workloadProfile,
		"endpoint_url": "https://controlplane.firehose.example.com/", "access_key_secret_arn": secret,
	}
	return complete, multi
}

func (w workspace) init(t *testing.T, module string) {
	t.Helper()
	output, err := w.run(t, module, "init", "-no-color", "-input=false")
	require.NoError(t, err, output)
}

func requirePolicies(t *testing.T, resources map[string]map[string]any, partition string) {
	t.Helper()
	n := 0
	for address, values := range resources {
		for _, attribute := range []string{"policy", "assume_role_policy", "access_policy"} {
			if document, ok := values[attribute].(string); ok {
				requireLeast(t, address, document, partition)
				n++
			}
		}
	}
	require.Positive(t, n)
}

func TestExamples_InAllPartitions(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.init(t, "examples/complete")
	w.init(t, "examples/multi-account")
	for _, p := range partitions {
		complete, multi := exampleVariables(p.partition, p.region)

		resources := w.plan(t, "examples/complete", complete)
		requirePolicies(t, resources, p.partition)
		requireStream(t, resources["module.containers.aws_kinesis_firehose_delivery_stream.this"], "shop")
		requireStream(t, resources["module.controlplane.aws_kinesis_firehose_delivery_stream.this"], "")
		requireFluentBit(t, resources["module.fargate.kubernetes_config_map_v1.logging"], p.region)
		for _, role := range []string{"fargate-a", "fargate-b"} {
			require.Contains(t, resources, `module.fargate.aws_iam_role_policy.put["`+role+`"]`)
		}
		filter := resources[`module.subscription.aws_cloudwatch_log_subscription_filter.control_plane["shop"]`]
		require.Equal(t, "/aws/eks/shop/cluster", filter["log_group_name"])
		require.Equal(t, fmt.Sprintf("arn:%s:firehose:%s:%s:deliverystream/eks-controlplane", p.partition, p.region, loggingAccount), filter["destination_arn"])
		require.Equal(t, fmt.Sprintf("arn:%s:iam::%s:role/eks-controlplane-logs-%s", p.partition, loggingAccount, p.region), filter["role_arn"])
		trust := resources["module.subscription.aws_iam_role.subscription[0]"]["assume_role_policy"]
		require.Contains(t, trust, `"logs.`+p.suffix+`"`)
		require.Contains(t, trust, `"aws:SourceAccount":"`+loggingAccount+`"`)
		require.Contains(t, trust, fmt.Sprintf(`"aws:SourceArn":["arn:%s:logs:%s:%s:*"]`, p.partition, p.region, loggingAccount))
		for address, values := range resources {
			if name, ok := values["name"].(string); ok && strings.Contains(address, "aws_iam_role") {
				require.LessOrEqual(t, len(name), 64, address)
			}
		}

		resources = w.plan(t, "examples/multi-account", multi)
		requirePolicies(t, resources, p.partition)
		for _, cluster := range []string{"shop", "bank"} {
			filter := resources[`module.subscription.aws_cloudwatch_log_subscription_filter.control_plane["`+cluster+`"]`]
			require.Equal(t, fmt.Sprintf("arn:%s:logs:%s:%s:destination:eks-controlplane", p.partition, p.region, loggingAccount), filter["destination_arn"])
			require.Nil(t, filter["role_arn"])
		}
		require.NotContains(t, resources, "module.subscription.aws_iam_role.subscription[0]")
		access := resources["module.destination.aws_cloudwatch_log_destination_policy.control_plane"]["access_policy"]
		require.Contains(t, access, `"AWS":["`+workloadAccount+`"]`)
		trust = resources["module.destination.aws_iam_role.destination"]["assume_role_policy"]
		require.Contains(t, trust, `"aws:SourceAccount":["`+loggingAccount+`","`+workloadAccount+`"]`)
	}
}

// requireStream checks what must hold of every stream. No label is expected if cluster is empty.
func requireStream(t *testing.T, stream map[string]any, cluster string) {
	t.Helper()
	endpoint := stream["http_endpoint_configuration"].([]any)[0].(map[string]any)
	require.Nil(t, endpoint["access_key"])
	require.Equal(t, true, endpoint["secrets_manager_configuration"].([]any)[0].(map[string]any)["enabled"])
	require.Equal(t, "FailedDataOnly", endpoint["s3_backup_mode"])
	request := endpoint["request_configuration"].([]any)[0].(map[string]any)
	require.Equal(t, "GZIP", request["content_encoding"])
	want := []any{}
	if cluster != "" {
		want = append(want, map[string]any{"name": "lbl_cluster", "value": cluster})
	}
	require.Equal(t, want, request["common_attributes"])
}

var section = regexp.MustCompile(`^\[[A-Z]+\]$`)

// sections reads Fluent Bit's classic configuration: names in brackets, and below each, indented, keys and values.
func sections(t *testing.T, config string) []map[string]string {
	t.Helper()
	var all []map[string]string
	for line := range strings.Lines(config) {
		line = strings.TrimRight(line, "\n")
		if section.MatchString(line) {
			all = append(all, map[string]string{"": line})
			continue
		}
		require.True(t, strings.HasPrefix(line, "    "), "%q is neither a section nor indented", line)
		require.NotEmpty(t, all, "%q is in no section", line)
		key, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		require.True(t, ok, "%q has no value", line)
		require.NotContains(t, all[len(all)-1], strings.ToLower(key))
		all[len(all)-1][strings.ToLower(key)] = strings.TrimSpace(value)
	}
	return all
}

// requireFluentBit checks that the router of Fargate sends whole lines with their times: no parser takes them apart, nothing is lifted, renamed or left out.
func requireFluentBit(t *testing.T, configMap map[string]any, region string) {
	t.Helper()
	metadata := configMap["metadata"].([]any)[0].(map[string]any)
	require.Equal(t, "aws-logging", metadata["name"])
	require.Equal(t, "aws-observability", metadata["namespace"])
	data := configMap["data"].(map[string]any)
	require.Equal(t, []string{"filters.conf", "flb_log_cw", "output.conf"}, slices.Sorted(maps.Keys(data)))
	require.Equal(t, []map[string]string{
		{"": "[FILTER]", "name": "kubernetes", "match": "kube.*", "buffer_size": "0", "kube_meta_cache_ttl": "300s"},
	}, sections(t, data["filters.conf"].(string)))
	require.Equal(t, []map[string]string{
		{"": "[OUTPUT]", "name": "kinesis_firehose", "match": "kube.*", "region": region, "delivery_stream": "eks-containers"},
	}, sections(t, data["output.conf"].(string)))
}

// Keys of one's own are granted to the services that use them, and to nobody directly.
func TestFirehoseStream_OwnKeys(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.init(t, "firehose-stream")
	variables := streamVariables()
	variables["access_key_secret_kms_key_arn"] = "arn:aws:kms:eu-central-1:111122223333:key/one"
	variables["backup_kms_key_arn"] = "arn:aws:kms:eu-central-1:111122223333:key/two"
	resources := w.plan(t, "firehose-stream", variables)
	granted := resources["aws_iam_role_policy.firehose"]["policy"].(string)
	require.Contains(t, granted, `"Resource":["arn:aws:kms:eu-central-1:111122223333:key/one"]`)
	require.Contains(t, granted, `"Resource":["arn:aws:kms:eu-central-1:111122223333:key/two"]`)
	require.Equal(t, 2, strings.Count(granted, `"kms:ViaService"`))
	rule := resources["aws_s3_bucket_server_side_encryption_configuration.backup"]["rule"].([]any)[0].(map[string]any)
	require.Equal(t, "aws:kms", rule["apply_server_side_encryption_by_default"].([]any)[0].(map[string]any)["sse_algorithm"])
}

func streamVariables() map[string]any {
	return map[string]any{
		"name": "logs", "endpoint_url": "https://firehose.example.com/awsfirehose/api/v1/push",
		"access_key_secret_arn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:key-a1b2c3",
	}
}

// A wrong value is refused, and the refusal says what is right.
func TestVariables_AreValidated(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	stream := "arn:aws:firehose:eu-central-1:111122223333:deliverystream/logs"
	good := map[string]map[string]any{
		"firehose-stream":            streamVariables(),
		"control-plane-subscription": {"name": "logs", "cluster_names": []string{"shop"}, "destination_arn": stream},
		"control-plane-destination":  {"name": "logs", "stream_arn": stream, "source_account_ids": []string{workloadAccount}},
		"fargate-logging":            {"stream_arn": stream, "pod_execution_role_names": []string{"fargate"}},
	}
	for folder, variables := range good {
		w.init(t, folder)
		w.plan(t, folder, variables)
	}
	f := func(folder, variable string, value any, want string) {
		t.Helper()
		variables := maps.Clone(good[folder])
		variables[variable] = value
		output, err := w.tryPlan(t, folder, variables)
		require.Error(t, err, "%s = %v", variable, value)
		require.Contains(t, strings.Join(strings.Fields(strings.ReplaceAll(output, "│", "")), " "), want)
	}
	f("firehose-stream", "name", "Logs", "3 to 28 lower-case letters")
	f("firehose-stream", "endpoint_url", "http://firehose.example.com/", "must begin with https://")
	f("firehose-stream", "endpoint_url", "https://firehose.example.com:8080/", "on port 443")
	f("firehose-stream", "access_key_secret_arn", "hunter2", "The access key itself doesn't belong here")
	f("firehose-stream", "access_key_secret_kms_key_arn", "alias/key", "not as an alias")
	f("firehose-stream", "backup_kms_key_arn", "alias/key", "not as an alias")
	f("firehose-stream", "backup_bucket_name", "Bucket", "3 to 63 lower-case letters")
	f("firehose-stream", "backup_retention_days", 0, "1 or more")
	f("firehose-stream", "buffering_size", 65, "from 1 to 64")
	f("firehose-stream", "buffering_interval", 901, "from 0 to 900")
	f("firehose-stream", "retry_duration", 7201, "from 0 to 7200")
	f("firehose-stream", "error_log_retention_days", 31, "CloudWatch Logs keeps logs for")
	f("firehose-stream", "common_attributes", map[string]string{"lbl_cluster": strings.Repeat("x", 1025)}, "1024 at most")
	f("firehose-stream", "common_attributes", many(51), "50 common attributes at most")
	f("control-plane-subscription", "name", "a b", "1 to 40 letters")
	f("control-plane-subscription", "cluster_names", []string{}, "at least one cluster")
	f("control-plane-subscription", "cluster_names", []string{"/aws/eks/shop/cluster"}, "not by its ARN or its log group")
	f("control-plane-subscription", "destination_arn", "logs", "ARN of a Firehose stream or of a CloudWatch Logs destination")
	f("control-plane-destination", "name", strings.Repeat("x", 37), "1 to 36 letters")
	f("control-plane-destination", "stream_arn", "logs", "ARN of a Firehose stream")
	f("control-plane-destination", "source_account_ids", []string{}, "at least one account")
	f("control-plane-destination", "source_account_ids", []string{"12345"}, "12 digits")
	f("fargate-logging", "stream_arn", "logs", "ARN of a Firehose stream")
	f("fargate-logging", "pod_execution_role_names", []string{}, "at least one pod execution role")
	f("fargate-logging", "pod_execution_role_names", []string{"arn:aws:iam::111122223333:role/fargate"}, "not by its ARN")
}

func many(n int) map[string]string {
	attributes := map[string]string{}
	for i := range n {
		attributes[fmt.Sprint("attribute", i)] = ""
	}
	return attributes
}
