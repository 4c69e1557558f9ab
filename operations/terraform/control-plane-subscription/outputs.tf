output "log_group_names" {
  description = "Names of the subscribed log groups by cluster."
  value       = { for name, filter in aws_cloudwatch_log_subscription_filter.control_plane : name => filter.log_group_name }
}

output "role_arn" {
  description = "ARN of the role that CloudWatch Logs assumes. Null if the logs go to a destination."
  value       = one(aws_iam_role.subscription[*].arn)
}
