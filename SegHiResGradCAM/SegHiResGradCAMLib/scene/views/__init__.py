"""What the slice views show."""
