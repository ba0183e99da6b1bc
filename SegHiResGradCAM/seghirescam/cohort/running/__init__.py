"""The questions of a plan answered: grouped by case and model, on this machine or a cluster, resumable in files."""
