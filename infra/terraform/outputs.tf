output "store_credentials_command" {
  description = "Run it, paste the JSON object of docs/deploy.md, end with Ctrl-D."
  value       = aws_cloudformation_stack.rotator.outputs["StoreCredentialsCommand"]
}

output "run_now_command" {
  description = "A manual run; prints the outcome."
  value       = aws_cloudformation_stack.rotator.outputs["RunNowCommand"]
}

output "token_secret_arn" {
  description = "The secret that consumers read."
  value       = aws_cloudformation_stack.rotator.outputs["TokenSecretArn"]
}

output "credentials_secret_arn" {
  description = "The secret that only the function reads."
  value       = aws_cloudformation_stack.rotator.outputs["CredentialsSecretArn"]
}

output "consumer_policy_arn" {
  description = "Attach it to every role that needs the token."
  value       = aws_cloudformation_stack.rotator.outputs["ConsumerPolicyArn"]
}

output "kms_key_arn" {
  description = "The customer managed key of the secrets."
  value       = lookup(aws_cloudformation_stack.rotator.outputs, "KmsKeyArn", null)
}

output "function_arn" {
  description = "The job."
  value       = aws_cloudformation_stack.rotator.outputs["FunctionArn"]
}

output "schedule_arn" {
  description = "What ticks."
  value       = aws_cloudformation_stack.rotator.outputs["ScheduleArn"]
}

output "failed_runs_queue_url" {
  description = "Runs that failed with all their attempts."
  value       = aws_cloudformation_stack.rotator.outputs["FailedRunsQueueUrl"]
}

output "undelivered_ticks_queue_url" {
  description = "Ticks that never reached the function."
  value       = aws_cloudformation_stack.rotator.outputs["UndeliveredTicksQueueUrl"]
}

output "alarm_topic_arn" {
  description = "Subscribe whoever is on duty."
  value       = aws_cloudformation_stack.rotator.outputs["AlarmTopicArn"]
}

output "log_group_name" {
  description = "The function's logs, one JSON object a line."
  value       = aws_cloudformation_stack.rotator.outputs["LogGroupName"]
}

output "dashboard_url" {
  description = "Remaining life, mints, failures."
  value       = aws_cloudformation_stack.rotator.outputs["DashboardUrl"]
}
