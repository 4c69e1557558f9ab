variable "name" {
  description = "Name of the stream, and the beginning of the names of what belongs to it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,26}[a-z0-9]$", var.name))
    error_message = "The name must be 3 to 28 lower-case letters, digits and hyphens, without a hyphen at either end: the name of the bucket begins with it."
  }
}

variable "endpoint_url" {
  description = "Where the stream delivers to: the HTTPS address of an awsfirehose.kubernetes or cloudwatch.eks_controlplane component."
  type        = string

  validation {
    condition     = can(regex("^https://[^/:?#@ ]+(:443)?(/[^?# ]*)?$", var.endpoint_url))
    error_message = "The endpoint must begin with https:// and be on port 443: Firehose delivers to no other."
  }
}

variable "access_key_secret_arn" {
  description = "ARN of the Secrets Manager secret that holds the access key as {\"api_key\": \"...\"}. It must be in the region of the stream."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$", var.access_key_secret_arn))
    error_message = "The secret must be given as the ARN of a Secrets Manager secret, arn:<partition>:secretsmanager:<region>:<account>:secret:<name>. The access key itself doesn't belong here."
  }
}

variable "access_key_secret_kms_key_arn" {
  description = "ARN of the KMS key that the secret is encrypted with. Null if that is the key which AWS manages for Secrets Manager."
  type        = string
  default     = null

  validation {
    condition     = var.access_key_secret_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.access_key_secret_kms_key_arn))
    error_message = "The KMS key of the secret must be given as the ARN of a key, not as an alias."
  }
}

variable "common_attributes" {
  description = "Attributes that come with every delivery. One whose name begins with lbl_ becomes a label without this prefix, for example {lbl_cluster = \"production\"}."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.common_attributes) <= 50
    error_message = "A stream has 50 common attributes at most."
  }

  validation {
    condition     = alltrue([for name, value in var.common_attributes : length(name) >= 1 && length(name) <= 256 && length(value) <= 1024])
    error_message = "The name of a common attribute has 1 to 256 characters, and its value 1024 at most."
  }
}

variable "buffering_size" {
  description = "How much Firehose collects before it delivers, in MiB before compression. A component takes the largest one, too; a small one costs it less memory."
  type        = number
  default     = 4

  validation {
    condition     = var.buffering_size >= 1 && var.buffering_size <= 64 && floor(var.buffering_size) == var.buffering_size
    error_message = "The buffering size must be a whole number of MiB from 1 to 64."
  }
}

variable "buffering_interval" {
  description = "How long Firehose collects before it delivers, in seconds. Lines are that much later in Loki at most, unless the buffer is full first."
  type        = number
  default     = 60

  validation {
    condition     = var.buffering_interval >= 0 && var.buffering_interval <= 900 && floor(var.buffering_interval) == var.buffering_interval
    error_message = "The buffering interval must be a whole number of seconds from 0 to 900."
  }
}

variable "retry_duration" {
  description = "How long Firehose repeats a delivery that fails before it puts it into the bucket, in seconds. The default is the longest."
  type        = number
  default     = 7200

  validation {
    condition     = var.retry_duration >= 0 && var.retry_duration <= 7200 && floor(var.retry_duration) == var.retry_duration
    error_message = "The retry duration must be a whole number of seconds from 0 to 7200."
  }
}

variable "encrypt_at_rest" {
  description = "Whether Firehose encrypts what it holds, with a key that AWS owns."
  type        = bool
  default     = true
}

variable "backup_bucket_name" {
  description = "Name of the bucket for failed deliveries. Null for <name>-failed-<account>-<region>."
  type        = string
  default     = null

  validation {
    condition     = var.backup_bucket_name == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.backup_bucket_name))
    error_message = "The name of the bucket must be 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or a digit at both ends."
  }
}

variable "backup_kms_key_arn" {
  description = "ARN of the KMS key that the bucket is encrypted with. Null for encryption with a key of S3's own."
  type        = string
  default     = null

  validation {
    condition     = var.backup_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.backup_kms_key_arn))
    error_message = "The KMS key of the bucket must be given as the ARN of a key, not as an alias."
  }
}

variable "backup_retention_days" {
  description = "How many days failed deliveries stay in the bucket. It is the time that you have to deliver them again."
  type        = number
  default     = 30

  validation {
    condition     = var.backup_retention_days >= 1 && floor(var.backup_retention_days) == var.backup_retention_days
    error_message = "The retention of the backup must be a whole number of days, 1 or more."
  }
}

variable "error_log_retention_days" {
  description = "How many days CloudWatch keeps what Firehose reports about failed deliveries."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.error_log_retention_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "tags" {
  description = "Tags for everything that can have some."
  type        = map(string)
  default     = {}
}
