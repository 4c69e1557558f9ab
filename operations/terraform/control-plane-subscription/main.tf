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

  log_groups = { for name in var.cluster_names : name => "/aws/eks/${name}/cluster" }

  # A destination brings its own role.
  to_stream = split(":", var.destination_arn)[2] == "firehose"
}

resource "aws_cloudwatch_log_subscription_filter" "control_plane" {
  for_each = local.log_groups

  name            = var.name
  log_group_name  = each.value
  filter_pattern  = var.filter_pattern
  destination_arn = var.destination_arn
  role_arn        = one(aws_iam_role.subscription[*].arn)

  # CloudWatch Logs sends a message to try the role out.
  depends_on = [aws_iam_role_policy.subscription]
}

resource "aws_iam_role" "subscription" {
  count = local.to_stream ? 1 : 0

  name        = "${var.name}-logs-${local.region}"
  description = "Subscription filters ${var.name}: CloudWatch Logs puts control-plane logs into a Firehose stream."
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = data.aws_service_principal.logs.name }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = ["arn:${local.partition}:logs:${local.region}:${local.account}:*"] }
      }
    }]
  })
}

resource "aws_iam_role_policy" "subscription" {
  count = local.to_stream ? 1 : 0

  name = "put"
  role = aws_iam_role.subscription[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["firehose:PutRecord", "firehose:PutRecordBatch"]
      Resource = [var.destination_arn]
    }]
  })
}
