variable "name" {
  description = "Name of the subscription filters and of their role. Deliveries state it in the internal label __aws_cw_matched_filters."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,40}$", var.name))
    error_message = "The name must be 1 to 40 letters, digits, underscores and hyphens."
  }
}

variable "cluster_names" {
  description = "EKS clusters whose control plane writes logs in this account and region. The log group of each must exist: enable the logs of the cluster first."
  type        = set(string)

  validation {
    condition     = length(var.cluster_names) > 0
    error_message = "Name at least one cluster."
  }

  validation {
    condition     = alltrue([for name in var.cluster_names : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", name))])
    error_message = "A cluster must be given by its name, not by its ARN or its log group."
  }
}

variable "destination_arn" {
  description = "Where the logs go: the ARN of a Firehose stream in this account and region, or that of a CloudWatch Logs destination in any account."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:(firehose:[a-z0-9-]+:[0-9]{12}:deliverystream/.+|logs:[a-z0-9-]+:[0-9]{12}:destination:.+)$", var.destination_arn))
    error_message = "The destination must be the ARN of a Firehose stream or of a CloudWatch Logs destination."
  }
}

variable "filter_pattern" {
  description = "CloudWatch Logs filter pattern that a line must match. Empty for all lines."
  type        = string
  default     = ""
}

variable "tags" {
  description = "Tags for the role."
  type        = map(string)
  default     = {}
}
