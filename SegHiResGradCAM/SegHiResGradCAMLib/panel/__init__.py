"""What the panel decides and shows: one folder a feature."""
