"""What `rotator.lambda_handler` does for fleets, queues and client secrets."""
