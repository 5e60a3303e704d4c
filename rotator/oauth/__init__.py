"""Minting: one token from a provider's token endpoint, or an error that says why not."""
