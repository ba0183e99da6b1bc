"""Two models on one case: a second model, and where it disagrees with the first."""
