variable "stream_arn" {
  description = "ARN of the Firehose stream that the container logs go to."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:firehose:[a-z0-9-]+:[0-9]{12}:deliverystream/.+$", var.stream_arn))
    error_message = "The stream must be given as the ARN of a Firehose stream."
  }
}

variable "pod_execution_role_names" {
  description = "Names of the pod execution roles of the Fargate profiles. Each is allowed to write to the stream."
  type        = set(string)

  validation {
    condition     = length(var.pod_execution_role_names) > 0
    error_message = "Name at least one pod execution role: without its rights no line reaches the stream."
  }

  validation {
    condition     = alltrue([for name in var.pod_execution_role_names : can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", name))])
    error_message = "A role must be given by its name, not by its ARN or with its path."
  }
}

variable "create_namespace" {
  description = "Whether to make the namespace aws-observability. False if the cluster has it already, with the label aws-observability=enabled."
  type        = bool
  default     = true
}

variable "router_log_to_cloudwatch" {
  description = "Whether Fluent Bit writes its own log to CloudWatch, to find out why lines are missing. The pod execution roles need rights for that, which this module doesn't give."
  type        = bool
  default     = false
}
