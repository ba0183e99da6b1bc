"""A network and torch left as they were, one question at a time."""
