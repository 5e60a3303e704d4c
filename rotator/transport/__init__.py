"""One HTTP exchange with a server that is not trusted, bounded in time and size."""
