"""Many bindings in one run: selecting them, and keeping one's failure from the others."""
