"""Whether the chosen model is fed as it is meant to be."""
