# A thin module around the template, which documents the resources. `make package` builds the package;
# code_key is its key in the bucket.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

resource "aws_cloudformation_stack" "rotator" {
  name          = var.stack_name
  template_body = file("${path.module}/../template.yaml")
  capabilities  = ["CAPABILITY_IAM"]
  tags          = var.tags

  parameters = {
    CodeBucket                = var.code_bucket
    CodeKey                   = var.code_key
    Architecture              = var.architecture
    CredentialsSecretArn      = var.credentials_secret_arn
    CredentialsSecretName     = var.credentials_secret_name
    TokenSecretName           = var.token_secret_name
    ReplicaRegion             = var.replica_region
    SecondReplicaRegion       = var.second_replica_region
    FleetName                 = var.fleet_name
    CredentialsPrefix         = var.credentials_prefix
    TokenPrefix               = var.token_prefix
    Where                     = var.where
    TickMinutes               = var.tick_minutes
    Cadence                   = var.cadence
    ProbeUrl                  = var.probe_url
    NativeRotation            = var.native_rotation
    CreateKmsKey              = var.create_kms_key
    KmsKeyArn                 = var.kms_key_arn
    CredentialsKmsKeyArn      = var.credentials_kms_key_arn
    ConsumerPrincipalArns     = var.consumer_principal_arns
    AlarmEmail                = var.alarm_email
    RemainingLifeAlarmSeconds = var.remaining_life_alarm_seconds
    LogRetentionDays          = var.log_retention_days
    LogLevel                  = var.log_level
    SubnetIds                 = var.subnet_ids
    SecurityGroupIds          = var.security_group_ids
    ReserveConcurrency        = var.reserve_concurrency
  }
}
