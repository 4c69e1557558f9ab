output "config" {
  description = "Data of the ConfigMap aws-logging."
  value       = local.config
}
