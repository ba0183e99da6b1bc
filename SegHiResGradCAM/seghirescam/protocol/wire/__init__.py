"""How what a request carries travels between the two processes."""
