"""Small sections of the panel, each filled by one file."""
