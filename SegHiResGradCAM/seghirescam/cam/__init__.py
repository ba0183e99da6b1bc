"""The method: torch and tensors; no file, no model format, no patient."""
