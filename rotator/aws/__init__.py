"""AWS. This file stays empty, so that the reader's imports cost nothing."""
