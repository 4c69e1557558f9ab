variable "name" {
  description = "Name of the destination and of its role."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,36}$", var.name))
    error_message = "The name must be 1 to 36 letters, digits, underscores and hyphens."
  }
}

variable "stream_arn" {
  description = "ARN of the Firehose stream in this account that the logs go to."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:firehose:[a-z0-9-]+:[0-9]{12}:deliverystream/.+$", var.stream_arn))
    error_message = "The stream must be given as the ARN of a Firehose stream."
  }
}

variable "source_account_ids" {
  description = "Accounts that may send logs here."
  type        = set(string)

  validation {
    condition     = length(var.source_account_ids) > 0
    error_message = "Name at least one account."
  }

  validation {
    condition     = alltrue([for id in var.source_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "An account must be given as 12 digits, as a string: a number would lose leading zeros."
  }
}

variable "tags" {
  description = "Tags for the destination and its role."
  type        = map(string)
  default     = {}
}
