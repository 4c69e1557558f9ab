output "destination_arn" {
  description = "ARN of the destination, for control-plane-subscription in the other accounts."
  value       = aws_cloudwatch_log_destination.control_plane.arn

  # Until the policy is there, other accounts are refused.
  depends_on = [aws_cloudwatch_log_destination_policy.control_plane]
}
