"""Amazon Web Services, as rotator uses it; empty, so that the reader pays for nothing here."""
