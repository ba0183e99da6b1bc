"""Many cases, several models, one table: plans, their running, and the table."""
