"""Keeps a valid OAuth 2.0 token in AWS Secrets Manager."""
