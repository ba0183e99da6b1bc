"""The two demo networks."""
