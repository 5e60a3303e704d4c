"""What the product does: rotate a token, publish it safely, set up a binding."""
