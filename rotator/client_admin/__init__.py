"""The providers whose client secrets can be rotated: one file each, behind one protocol."""
