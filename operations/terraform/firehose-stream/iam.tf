locals {
  # A grant to use a key is one for what a service asks on the stream's behalf, not for the key as such.
  key_grants = concat(
    var.access_key_secret_kms_key_arn == null ? [] : [{
      Sid      = "DecryptAccessKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [var.access_key_secret_kms_key_arn]
      Condition = {
        StringEquals = { "kms:ViaService" = "secretsmanager.${local.region}.${data.aws_partition.current.dns_suffix}" }
      }
    }],
    var.backup_kms_key_arn == null ? [] : [{
      Sid      = "EncryptBackup"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [var.backup_kms_key_arn]
      Condition = {
        StringEquals = { "kms:ViaService" = "s3.${local.region}.${data.aws_partition.current.dns_suffix}" }
      }
    }],
  )
}

resource "aws_iam_role" "firehose" {
  name        = "${var.name}-firehose-${local.region}"
  description = "Firehose stream ${var.name}: reads its access key, writes failed deliveries and errors."
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "firehose.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        # Firehose states the account of the stream here.
        StringEquals = { "sts:ExternalId" = local.account }
      }
    }]
  })
}

resource "aws_iam_role_policy" "firehose" {
  name = "deliver"
  role = aws_iam_role.firehose.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ReadAccessKey"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = [var.access_key_secret_arn]
      },
      {
        Sid      = "FindBackup"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = [aws_s3_bucket.backup.arn]
      },
      {
        Sid      = "WriteBackup"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        Resource = ["${aws_s3_bucket.backup.arn}/*"]
      },
      {
        Sid    = "ReportErrors"
        Effect = "Allow"
        Action = ["logs:PutLogEvents"]
        Resource = [
          for stream in [aws_cloudwatch_log_stream.delivery, aws_cloudwatch_log_stream.backup] :
          "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${stream.log_group_name}:log-stream:${stream.name}"
        ]
      },
    ], local.key_grants)
  })
}
