"""A model's description: read with its lines, its words checked and published as a JSON Schema, written by ``init``."""
