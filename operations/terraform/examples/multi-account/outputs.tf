output "destination_arn" {
  description = "ARN of the destination, for clusters in more accounts."
  value       = module.destination.destination_arn
}
