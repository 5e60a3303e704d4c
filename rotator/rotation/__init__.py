"""The use cases: rotate a token, publish it safely, rotate a client secret, set up a binding."""
