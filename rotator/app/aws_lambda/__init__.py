"""What the Lambda function does for many bindings; the door is `rotator.lambda_handler`."""
