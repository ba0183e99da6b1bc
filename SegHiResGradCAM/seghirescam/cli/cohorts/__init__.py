"""Many cases, several models: the commands about a cohort."""
