# Container logs of Fargate pods, and control-plane logs, of one cluster in one account.

provider "aws" {
  region = var.region
}

data "aws_eks_cluster" "this" {
  name = var.cluster_name
}

data "aws_eks_cluster_auth" "this" {
  name = var.cluster_name
}

provider "kubernetes" {
  host                   = data.aws_eks_cluster.this.endpoint
  cluster_ca_certificate = base64decode(data.aws_eks_cluster.this.certificate_authority[0].data)
  token                  = data.aws_eks_cluster_auth.this.token
}

module "containers" {
  source = "../../firehose-stream"

  name                  = "eks-containers"
  endpoint_url          = var.containers_endpoint_url
  access_key_secret_arn = var.containers_secret_arn

  # Container logs don't say which cluster they are from.
  common_attributes = { lbl_cluster = var.cluster_name }
}

module "fargate" {
  source = "../../fargate-logging"

  stream_arn               = module.containers.stream_arn
  pod_execution_role_names = var.pod_execution_role_names
}

module "controlplane" {
  source = "../../firehose-stream"

  name                  = "eks-controlplane"
  endpoint_url          = var.controlplane_endpoint_url
  access_key_secret_arn = var.controlplane_secret_arn
}

module "subscription" {
  source = "../../control-plane-subscription"

  name            = "eks-controlplane"
  cluster_names   = [var.cluster_name]
  destination_arn = module.controlplane.stream_arn
}
