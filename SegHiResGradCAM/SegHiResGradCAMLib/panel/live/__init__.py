"""Asking about the place the user points at, while they point."""
