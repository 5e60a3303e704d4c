"""Servers on loopback that stand in for AWS and for the provider, for the demo and for tests."""
