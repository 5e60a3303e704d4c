"""Parsers of HTTP fields, which import the standard library alone: the reader uses them too."""
