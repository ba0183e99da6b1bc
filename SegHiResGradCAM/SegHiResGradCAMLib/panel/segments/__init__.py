"""Evidence by segment."""
