output "backup_bucket_names" {
  description = "Names of the buckets with failed deliveries."
  value       = [module.containers.backup_bucket_name, module.controlplane.backup_bucket_name]
}

output "error_log_group_names" {
  description = "Names of the log groups in which Firehose reports failed deliveries."
  value       = [module.containers.error_log_group_name, module.controlplane.error_log_group_name]
}
