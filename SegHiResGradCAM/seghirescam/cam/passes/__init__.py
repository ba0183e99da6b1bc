"""One pass through a network: what is recorded, and what is refused."""
