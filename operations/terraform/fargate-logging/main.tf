locals {
  namespace = "aws-observability"
  region    = split(":", var.stream_arn)[3]
  stream    = split("/", var.stream_arn)[1]

  config = {
    flb_log_cw     = tostring(var.router_log_to_cloudwatch)
    "filters.conf" = file("${path.module}/filters.conf")
    "output.conf"  = templatefile("${path.module}/output.conf.tftpl", { region = local.region, stream = local.stream })
  }
}

resource "kubernetes_namespace_v1" "observability" {
  count = var.create_namespace ? 1 : 0

  metadata {
    name   = local.namespace
    labels = { (local.namespace) = "enabled" }
  }
}

# Pods read it when they start: those that run already keep what they have.
resource "kubernetes_config_map_v1" "logging" {
  metadata {
    name      = "aws-logging"
    namespace = local.namespace
  }

  data = local.config

  lifecycle {
    precondition {
      condition     = length(jsonencode(local.config)) <= 5300
      error_message = "EKS takes no more than 5300 characters of configuration."
    }
  }

  depends_on = [kubernetes_namespace_v1.observability]
}

resource "aws_iam_role_policy" "put" {
  for_each = var.pod_execution_role_names

  name = "firehose-${local.stream}"
  role = each.value

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["firehose:PutRecordBatch"]
      Resource = [var.stream_arn]
    }]
  })
}
