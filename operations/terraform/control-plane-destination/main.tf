data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

# In China this is another one.
data "aws_service_principal" "logs" {
  service_name = "logs"
}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.region

  # The destination is tried out in the name of this account, and used in the name of the others.
  callers = sort(setunion(var.source_account_ids, [local.account]))
}

resource "aws_cloudwatch_log_destination" "control_plane" {
  name       = var.name
  role_arn   = aws_iam_role.destination.arn
  target_arn = var.stream_arn
  tags       = var.tags

  depends_on = [aws_iam_role_policy.destination]
}

resource "aws_cloudwatch_log_destination_policy" "control_plane" {
  destination_name = aws_cloudwatch_log_destination.control_plane.name

  access_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = sort(var.source_account_ids) }
      Action    = "logs:PutSubscriptionFilter"
      Resource  = aws_cloudwatch_log_destination.control_plane.arn
    }]
  })
}

resource "aws_iam_role" "destination" {
  name        = "${var.name}-destination-${local.region}"
  description = "Destination ${var.name}: CloudWatch Logs puts the logs of other accounts into a Firehose stream."
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = data.aws_service_principal.logs.name }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.callers }
        ArnLike      = { "aws:SourceArn" = [for account in local.callers : "arn:${local.partition}:logs:${local.region}:${account}:*"] }
      }
    }]
  })
}

resource "aws_iam_role_policy" "destination" {
  name = "put"
  role = aws_iam_role.destination.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["firehose:PutRecord", "firehose:PutRecordBatch"]
      Resource = [var.stream_arn]
    }]
  })
}
