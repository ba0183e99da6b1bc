"""A region painted over, and the model asked again."""
