"""Values and pure decisions: no I/O, no AWS, no HTTP."""
