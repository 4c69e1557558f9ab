package terraform

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// providerSchemas are the arguments of a provider, of its resources and of its data sources, as far as they are used here or easily confused with what is.
type providerSchemas struct {
	config          block
	resources, data map[string]block
}

// block are the attributes of a block, and the blocks in it.
type block struct {
	// Words of the form name, mark, type. The mark is ! for required, ? for optional, = for computed, and ~ for optional and computed. No type is a string.
	attributes string
	// By their name and a mark: ! for exactly one, ? for one at most, * for any number.
	blocks map[string]block
}

var types = map[string]tftypes.Type{
	"":        tftypes.String,
	"number":  tftypes.Number,
	"bool":    tftypes.Bool,
	"map":     tftypes.Map{ElementType: tftypes.String},
	"strings": tftypes.List{ElementType: tftypes.String},
	"ca":      tftypes.List{ElementType: tftypes.Object{AttributeTypes: map[string]tftypes.Type{"data": tftypes.String}}},
}

func (b block) schema() *tfprotov5.Schema {
	return &tfprotov5.Schema{Block: b.schemaBlock()}
}

func (b block) schemaBlock() *tfprotov5.SchemaBlock {
	s := &tfprotov5.SchemaBlock{}
	for _, word := range strings.Fields(b.attributes) {
		at := strings.IndexAny(word, "!?=~")
		s.Attributes = append(s.Attributes, &tfprotov5.SchemaAttribute{
			Name:     word[:at],
			Type:     types[word[at+1:]],
			Required: word[at] == '!',
			Optional: word[at] == '?' || word[at] == '~',
			Computed: word[at] == '=' || word[at] == '~',
		})
	}
	for name, inner := range b.blocks {
		mark := name[len(name)-1]
		nested := &tfprotov5.SchemaNestedBlock{TypeName: name[:len(name)-1], Block: inner.schemaBlock(), Nesting: tfprotov5.SchemaNestedBlockNestingModeList}
		if mark != '*' {
			nested.MaxItems = 1
		}
		if mark == '!' {
			nested.MinItems = 1
		}
		s.BlockTypes = append(s.BlockTypes, nested)
	}
	return s
}

var providers = map[string]providerSchemas{
	"aws": {
		config: block{attributes: "region? profile?"},
		data: map[string]block{
			"aws_partition":         {attributes: "id= partition= dns_suffix= reverse_dns_prefix="},
			"aws_caller_identity":   {attributes: "id= account_id= arn= user_id="},
			"aws_region":            {attributes: "id= region~ name~ description= endpoint~"},
			"aws_service_principal": {attributes: "id= region~ name= service_name! suffix="},
			"aws_eks_cluster":       {attributes: "id= region~ name! arn= endpoint= version= certificate_authority=ca"},
			"aws_eks_cluster_auth":  {attributes: "id= region~ name! token="},
		},
		resources: map[string]block{
			"aws_kinesis_firehose_delivery_stream":               deliveryStream,
			"aws_cloudwatch_log_group":                           {attributes: "id= arn= region~ name~ name_prefix~ retention_in_days?number kms_key_id? log_group_class~ skip_destroy?bool tags?map tags_all~map"},
			"aws_cloudwatch_log_stream":                          {attributes: "id= arn= region~ name! log_group_name!"},
			"aws_cloudwatch_log_subscription_filter":             {attributes: "id= region~ name! log_group_name! filter_pattern! destination_arn! role_arn~ distribution? apply_on_transformed_logs?bool emit_system_fields?strings"},
			"aws_cloudwatch_log_destination":                     {attributes: "id= arn= region~ name! role_arn! target_arn! tags?map tags_all~map"},
			"aws_cloudwatch_log_destination_policy":              {attributes: "id= region~ destination_name! access_policy! force_update?bool"},
			"aws_iam_role":                                       {attributes: "id= arn= name~ name_prefix~ description? path? assume_role_policy! force_detach_policies?bool max_session_duration?number permissions_boundary? create_date= unique_id= tags?map tags_all~map"},
			"aws_iam_role_policy":                                {attributes: "id= name~ name_prefix~ role! policy!"},
			"aws_s3_bucket":                                      {attributes: "id= arn= region~ bucket~ bucket_prefix~ force_destroy?bool object_lock_enabled~bool tags?map tags_all~map"},
			"aws_s3_bucket_public_access_block":                  {attributes: "id= region~ bucket! block_public_acls?bool block_public_policy?bool ignore_public_acls?bool restrict_public_buckets?bool skip_destroy?bool"},
			"aws_s3_bucket_policy":                               {attributes: "id= region~ bucket! policy!"},
			"aws_s3_bucket_ownership_controls":                   {attributes: "id= region~ bucket!", blocks: map[string]block{"rule!": {attributes: "object_ownership!"}}},
			"aws_s3_bucket_server_side_encryption_configuration": encryption,
			"aws_s3_bucket_lifecycle_configuration":              lifecycle,
		},
	},
	"kubernetes": {
		config: block{attributes: "host? cluster_ca_certificate? token?"},
		resources: map[string]block{
			"kubernetes_namespace_v1":  {attributes: "id= wait_for_default_service_account?bool", blocks: map[string]block{"metadata!": {attributes: "annotations?map generate_name? labels?map name~ generation=number resource_version= uid="}}},
			"kubernetes_config_map_v1": {attributes: "id= binary_data?map data?map immutable?bool", blocks: map[string]block{"metadata!": {attributes: "annotations?map generate_name? labels?map name~ namespace? generation=number resource_version= uid="}}},
		},
	},
}

var errorLogging = block{attributes: "enabled?bool log_group_name? log_stream_name?"}

var deliveryStream = block{
	attributes: "id= arn~ region~ name! destination! destination_id~ version_id~ tags?map tags_all~map",
	blocks: map[string]block{
		"server_side_encryption?": {attributes: "enabled?bool key_arn? key_type?"},
		"http_endpoint_configuration?": {
			attributes: "url! name? access_key? buffering_interval?number buffering_size?number retry_duration?number role_arn? s3_backup_mode?",
			blocks: map[string]block{
				"cloudwatch_logging_options?":    errorLogging,
				"secrets_manager_configuration?": {attributes: "enabled~bool role_arn? secret_arn?"},
				"request_configuration?": {
					attributes: "content_encoding?",
					blocks:     map[string]block{"common_attributes*": {attributes: "name! value!"}},
				},
				"s3_configuration!": {
					attributes: "bucket_arn! role_arn! buffering_interval?number buffering_size?number compression_format? error_output_prefix? kms_key_arn? prefix?",
					blocks:     map[string]block{"cloudwatch_logging_options?": errorLogging},
				},
			},
		},
	},
}

var encryption = block{
	attributes: "id= region~ bucket! expected_bucket_owner?",
	blocks: map[string]block{"rule*": {
		attributes: "bucket_key_enabled?bool",
		blocks:     map[string]block{"apply_server_side_encryption_by_default?": {attributes: "sse_algorithm! kms_master_key_id?"}},
	}},
}

var lifecycle = block{
	attributes: "id= region~ bucket! expected_bucket_owner? transition_default_minimum_object_size~",
	blocks: map[string]block{"rule*": {
		attributes: "id! status!",
		blocks: map[string]block{
			"filter?":                            {attributes: "prefix?"},
			"expiration?":                        {attributes: "date? days?number expired_object_delete_marker~bool"},
			"abort_incomplete_multipart_upload?": {attributes: "days_after_initiation?number"},
		},
	}},
}
