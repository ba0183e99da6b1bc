"""Is it about this model, does it hold still: the verdict and its cost."""
