"""A question in sliding windows: every run once, for all pixel sets, layers and methods."""
