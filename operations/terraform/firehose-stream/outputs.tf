output "stream_arn" {
  description = "ARN of the stream, for the other modules, and for source_arns of an access key in Alloy."
  value       = aws_kinesis_firehose_delivery_stream.this.arn
}

output "stream_name" {
  description = "Name of the stream, for the configuration of Fluent Bit."
  value       = aws_kinesis_firehose_delivery_stream.this.name
}

output "backup_bucket_name" {
  description = "Name of the bucket with failed deliveries."
  value       = aws_s3_bucket.backup.bucket
}

output "error_log_group_name" {
  description = "Name of the log group in which Firehose reports failed deliveries."
  value       = aws_cloudwatch_log_group.errors.name
}

output "role_arn" {
  description = "ARN of the role that Firehose assumes, for the policies of KMS keys and of secrets in other accounts."
  value       = aws_iam_role.firehose.arn
}
