"""One HTTP request to a server that is not trusted, bounded in time and size."""
