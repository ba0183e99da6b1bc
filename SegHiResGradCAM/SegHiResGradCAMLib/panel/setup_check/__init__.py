"""Check my setup: what is here, what is missing, a small map on each device; a text to copy."""
