"""Many bindings in one run: which they are, and how one's trouble stays its own."""
