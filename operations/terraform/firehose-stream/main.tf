data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.region
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  name        = var.name
  destination = "http_endpoint"
  tags        = var.tags

  server_side_encryption {
    enabled = var.encrypt_at_rest
  }

  http_endpoint_configuration {
    name               = var.name
    url                = var.endpoint_url
    role_arn           = aws_iam_role.firehose.arn
    buffering_size     = var.buffering_size
    buffering_interval = var.buffering_interval
    retry_duration     = var.retry_duration
    s3_backup_mode     = "FailedDataOnly"

    # In place of access_key, which would stand in the state as plain text.
    secrets_manager_configuration {
      enabled    = true
      secret_arn = var.access_key_secret_arn
      role_arn   = aws_iam_role.firehose.arn
    }

    request_configuration {
      content_encoding = "GZIP"

      dynamic "common_attributes" {
        for_each = var.common_attributes

        content {
          name  = common_attributes.key
          value = common_attributes.value
        }
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.errors.name
      log_stream_name = aws_cloudwatch_log_stream.delivery.name
    }

    s3_configuration {
      role_arn            = aws_iam_role.firehose.arn
      bucket_arn          = aws_s3_bucket.backup.arn
      compression_format  = "GZIP"
      error_output_prefix = "failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"
      kms_key_arn         = var.backup_kms_key_arn

      cloudwatch_logging_options {
        enabled         = true
        log_group_name  = aws_cloudwatch_log_group.errors.name
        log_stream_name = aws_cloudwatch_log_stream.backup.name
      }
    }
  }

  # Without its rights the role is refused.
  depends_on = [aws_iam_role_policy.firehose]
}

resource "aws_cloudwatch_log_group" "errors" {
  name              = "/aws/kinesisfirehose/${var.name}"
  retention_in_days = var.error_log_retention_days
  tags              = var.tags
}

resource "aws_cloudwatch_log_stream" "delivery" {
  name           = "delivery"
  log_group_name = aws_cloudwatch_log_group.errors.name
}

resource "aws_cloudwatch_log_stream" "backup" {
  name           = "backup"
  log_group_name = aws_cloudwatch_log_group.errors.name
}
