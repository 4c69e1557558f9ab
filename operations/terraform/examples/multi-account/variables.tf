variable "region" {
  description = "AWS region of the clusters. The destination must be in the same."
  type        = string
}

variable "logging_profile" {
  description = "Profile in the AWS configuration for the account with the stream."
  type        = string
}

variable "workload_profile" {
  description = "Profile in the AWS configuration for the account with the clusters."
  type        = string
}

variable "cluster_names" {
  description = "Names of the EKS clusters. Their control-plane logs must be enabled."
  type        = set(string)
}

variable "endpoint_url" {
  description = "HTTPS address of the cloudwatch.eks_controlplane component."
  type        = string
}

variable "access_key_secret_arn" {
  description = "ARN of the secret with the access key, in the account with the stream."
  type        = string
}
