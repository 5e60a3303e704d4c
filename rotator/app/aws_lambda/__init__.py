"""The parts of the Lambda function for fleets, queues and client secrets."""
