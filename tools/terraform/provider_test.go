package terraform

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const (
	loggingAccount  = "111122223333"
	workloadAccount = "444455556666"
	workloadProfile = "workload"
)

// The binary of the tests is the providers, too, when it is called by their names.
func TestMain(m *testing.M) {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "terraform-provider-")
	name, _, _ = strings.Cut(name, "_")
	schemas, ok := providers[name]
	if !ok {
		os.Exit(m.Run())
	}
	server := func() tfprotov5.ProviderServer { return &standIn{providerSchemas: schemas} }
	if err := tf5server.Serve("registry.terraform.io/hashicorp/"+name, server); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// standIn is a provider that plans without asking anybody.
type standIn struct {
	// The calls that a plan does not make are left out, and fail.
	tfprotov5.ProviderServer
	providerSchemas

	// What the provider's configuration says.
	region, profile string
}

func (s *standIn) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	return &tfprotov5.GetMetadataResponse{}, nil
}

func (s *standIn) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	response := &tfprotov5.GetProviderSchemaResponse{
		Provider:          s.config.schema(),
		ResourceSchemas:   map[string]*tfprotov5.Schema{},
		DataSourceSchemas: map[string]*tfprotov5.Schema{},
	}
	for name, b := range s.resources {
		response.ResourceSchemas[name] = b.schema()
	}
	for name, b := range s.data {
		response.DataSourceSchemas[name] = b.schema()
	}
	return response, nil
}

func (s *standIn) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (s *standIn) PrepareProviderConfig(_ context.Context, r *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (s *standIn) ConfigureProvider(_ context.Context, r *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	values, err := members(r.Config, s.config.schema())
	if err != nil {
		return nil, err
	}
	s.region, s.profile = text(values["region"]), text(values["profile"])
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (s *standIn) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func (s *standIn) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (s *standIn) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

// PlanResourceChange knows what AWS will answer, so that nothing in a plan is unknown.
func (s *standIn) PlanResourceChange(_ context.Context, r *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	planned, err := s.complete(r.TypeName, r.ProposedNewState, s.resources[r.TypeName])
	if err != nil {
		return nil, err
	}
	return &tfprotov5.PlanResourceChangeResponse{PlannedState: planned}, nil
}

func (s *standIn) ReadDataSource(_ context.Context, r *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	state, err := s.complete(r.TypeName, r.Config, s.data[r.TypeName])
	if err != nil {
		return nil, err
	}
	return &tfprotov5.ReadDataSourceResponse{State: state}, nil
}

// complete gives a value to each computed attribute that has none.
func (s *standIn) complete(typeName string, value *tfprotov5.DynamicValue, b block) (*tfprotov5.DynamicValue, error) {
	schema := b.schema()
	values, err := members(value, schema)
	if err != nil {
		return nil, err
	}
	for _, attribute := range schema.Block.Attributes {
		if v := values[attribute.Name]; attribute.Computed && v.IsNull() {
			if answer := s.answer(typeName, attribute.Name, values); answer != nil {
				values[attribute.Name] = tftypes.NewValue(attribute.Type, answer)
			}
		}
	}
	completed, err := tfprotov5.NewDynamicValue(schema.ValueType(), tftypes.NewValue(schema.ValueType(), values))
	return &completed, err
}

// answer is what AWS would say, in the words of the provider. nil leaves the attribute null.
func (s *standIn) answer(typeName, attribute string, values map[string]tftypes.Value) any {
	partition, suffix := "aws", "amazonaws.com"
	switch {
	case strings.HasPrefix(s.region, "cn-"):
		partition, suffix = "aws-cn", "amazonaws.com.cn"
	case strings.HasPrefix(s.region, "us-gov-"):
		partition = "aws-us-gov"
	}
	account := loggingAccount
	if s.profile == workloadProfile {
		account = workloadAccount
	}
	name := text(values["name"])
	switch typeName + "." + attribute {
	case "aws_partition.partition":
		return partition
	case "aws_partition.dns_suffix":
		return suffix
	case "aws_caller_identity.account_id":
		return account
	case "aws_region.region":
		return s.region
	case "aws_service_principal.name":
		// Logs is the one service here whose name differs in China.
		return text(values["service_name"]) + "." + suffix
	case "aws_eks_cluster.endpoint":
		return "https://cluster.example.com"
	case "aws_eks_cluster.certificate_authority":
		object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"data": tftypes.String}}
		return []tftypes.Value{tftypes.NewValue(object, map[string]tftypes.Value{"data": tftypes.NewValue(tftypes.String, "Y2VydGlmaWNhdGU=")})}
	case "aws_eks_cluster_auth.token":
		return "token"
	case "aws_kinesis_firehose_delivery_stream.arn":
		return fmt.Sprintf("arn:%s:firehose:%s:%s:deliverystream/%s", partition, s.region, account, name)
	case "aws_cloudwatch_log_destination.arn":
		return fmt.Sprintf("arn:%s:logs:%s:%s:destination:%s", partition, s.region, account, name)
	case "aws_iam_role.arn":
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", partition, account, name)
	case "aws_iam_role.id":
		return name
	case "aws_s3_bucket.arn":
		return fmt.Sprintf("arn:%s:s3:::%s", partition, text(values["bucket"]))
	case "aws_s3_bucket.id":
		return text(values["bucket"])
	}
	return nil
}

func members(value *tfprotov5.DynamicValue, schema *tfprotov5.Schema) (map[string]tftypes.Value, error) {
	v, err := value.Unmarshal(schema.ValueType())
	if err != nil {
		return nil, fmt.Errorf("cannot read value: %w", err)
	}
	values := map[string]tftypes.Value{}
	if err := v.As(&values); err != nil {
		return nil, fmt.Errorf("cannot read members: %w", err)
	}
	return values, nil
}

// text is the string in value, or an empty one.
func text(value tftypes.Value) string {
	var s *string
	if value.Type() == nil || !value.IsKnown() || value.As(&s) != nil || s == nil {
		return ""
	}
	return *s
}
