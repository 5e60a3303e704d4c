# The parameters of ../template.yaml, which checks their values; tests/repo/test_terraform.py compares
# names, types and defaults.

variable "stack_name" {
  description = "The name of the stack."
  type        = string
  default     = "rotator"
}

variable "tags" {
  description = "Tags of the stack, which CloudFormation gives to what it makes."
  type        = map(string)
  default     = {}
}

variable "code_bucket" {
  description = "The S3 bucket that holds the package, in this region."
  type        = string
}

variable "code_key" {
  description = "The package's key in that bucket; a new build gets a new key."
  type        = string
}

variable "architecture" {
  description = "The architecture of the package."
  type        = string
  default     = "x86_64"
}

variable "credentials_secret_arn" {
  description = "An existing secret with the client credentials (its whole ARN). Empty - create one."
  type        = string
  default     = ""
}

variable "credentials_secret_name" {
  description = "The name of the credentials secret to create."
  type        = string
  default     = "rotator/credentials"
}

variable "token_secret_name" {
  description = "The name of the token secret to create; what consumers read."
  type        = string
  default     = "rotator/token"
}

variable "replica_region" {
  description = "Another region that gets a copy of the token secret. Empty - none."
  type        = string
  default     = ""
}

variable "second_replica_region" {
  description = "One more such region. Empty - none."
  type        = string
  default     = ""
}

variable "fleet_name" {
  description = "A name makes a fleet of it. The function rotates every token secret of this account and region that is tagged with its credentials, if those agree, the one created here among them. It is the name in metrics. Empty - only the token secret created here."
  type        = string
  default     = ""
}

variable "credentials_prefix" {
  description = "The prefix of the names of a fleet's credentials secrets; the function reads those."
  type        = string
  default     = ""
}

variable "token_prefix" {
  description = "The prefix of the names of a fleet's token secrets; the function reads and writes those."
  type        = string
  default     = ""
}

variable "where" {
  description = "Tags that a fleet's token secrets have to have too, as KEY=VALUE, separated by commas."
  type        = string
  default     = ""
}

variable "tick_minutes" {
  description = "How often the job checks whether the token is due."
  type        = number
  default     = 15
}

variable "cadence" {
  description = "The age at which a token is replaced, such as 23h. Empty - what its lifetime asks for. The longer it is, the less life is left when a token is due - with more than 23h for tokens of 24 hours lower RemainingLifeAlarmSeconds, which would go off every day."
  type        = string
  default     = ""
}

variable "probe_url" {
  description = "An API URL that must accept a new token before it is published. Empty - no probe."
  type        = string
  default     = ""
}

variable "native_rotation" {
  description = "Whether Secrets Manager rotates the token secret too, every four hours, by the same function. For auditors; the schedule stays. Turn it on when the first token is there."
  type        = string
  default     = "false"
}

variable "create_kms_key" {
  description = "Whether to create a customer managed key for both secrets."
  type        = string
  default     = "false"
}

variable "kms_key_arn" {
  description = "An existing key for the secrets created here. Empty - the account's aws/secretsmanager."
  type        = string
  default     = ""
}

variable "credentials_kms_key_arn" {
  description = "The customer managed key of an existing credentials secret. Empty - it has none."
  type        = string
  default     = ""
}

variable "consumer_principal_arns" {
  description = "Roles of other accounts that may decrypt the token with the created key, separated by commas. Empty - none. They also need the two policies of consumer-policy.yaml."
  type        = string
  default     = ""
}

variable "alarm_email" {
  description = "Where alarms go; AWS asks there for a confirmation. Empty - subscribe to the topic yourself."
  type        = string
  default     = ""
}

variable "remaining_life_alarm_seconds" {
  description = "The alarm goes off when the stored token lives no longer than this. 45 minutes is one missed tick for tokens of 24 hours, which are due with an hour to go."
  type        = number
  default     = 2700
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}

variable "log_level" {
  description = "The lowest level that is logged."
  type        = string
  default     = "info"
}

variable "subnet_ids" {
  description = "Private subnets for the function, separated by commas. It must reach Secrets Manager and the token endpoint from there. Empty - no VPC."
  type        = string
  default     = ""
}

variable "security_group_ids" {
  description = "The function's security groups in that VPC, separated by commas."
  type        = string
  default     = ""
}

variable "reserve_concurrency" {
  description = "Whether one execution is reserved, which also keeps runs one at a time. An account whose whole limit is 10 cannot reserve any - say false there, runs at the same time are harmless."
  type        = string
  default     = "true"
}
