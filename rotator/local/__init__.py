"""Local stand-ins for AWS and the provider, for the demo and for tests."""
