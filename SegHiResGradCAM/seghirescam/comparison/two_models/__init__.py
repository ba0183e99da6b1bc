"""Two models on one case: where they disagree, and what each looked at."""
