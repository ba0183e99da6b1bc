"""A Python file that builds the network, and its weights."""
