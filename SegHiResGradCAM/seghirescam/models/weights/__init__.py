"""Weights on disk: what is in a file, read without running anything of it."""
