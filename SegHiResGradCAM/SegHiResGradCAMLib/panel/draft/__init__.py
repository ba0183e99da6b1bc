"""A model description for a user's own weights: drafted, asked for in a small form, written beside them."""
