"""What servers send, parsed by the standard library alone: the reader uses this too."""
