variable "region" {
  description = "AWS region of the cluster."
  type        = string
}

variable "cluster_name" {
  description = "Name of the EKS cluster. Its control-plane logs must be enabled."
  type        = string
}

variable "containers_endpoint_url" {
  description = "HTTPS address of the awsfirehose.kubernetes component."
  type        = string
}

variable "controlplane_endpoint_url" {
  description = "HTTPS address of the cloudwatch.eks_controlplane component."
  type        = string
}

variable "containers_secret_arn" {
  description = "ARN of the secret with the access key for container logs."
  type        = string
}

variable "controlplane_secret_arn" {
  description = "ARN of the secret with the access key for control-plane logs."
  type        = string
}

variable "pod_execution_role_names" {
  description = "Names of the pod execution roles of the cluster's Fargate profiles."
  type        = set(string)
}
