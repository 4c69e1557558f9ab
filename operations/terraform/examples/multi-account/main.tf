# Control-plane logs of the clusters of one account, through a stream in another. For more accounts, repeat the last module with a provider for each.

provider "aws" {
  alias   = "logging"
  region  = var.region
  profile = var.logging_profile
}

provider "aws" {
  alias   = "workload"
  region  = var.region
  profile = var.workload_profile
}

data "aws_caller_identity" "workload" {
  provider = aws.workload
}

module "stream" {
  source    = "../../firehose-stream"
  providers = { aws = aws.logging }

  name                  = "eks-controlplane"
  endpoint_url          = var.endpoint_url
  access_key_secret_arn = var.access_key_secret_arn
}

module "destination" {
  source    = "../../control-plane-destination"
  providers = { aws = aws.logging }

  name               = "eks-controlplane"
  stream_arn         = module.stream.stream_arn
  source_account_ids = [data.aws_caller_identity.workload.account_id]
}

module "subscription" {
  source    = "../../control-plane-subscription"
  providers = { aws = aws.workload }

  name            = "eks-controlplane"
  cluster_names   = var.cluster_names
  destination_arn = module.destination.destination_arn
}
