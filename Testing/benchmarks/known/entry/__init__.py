"""Somebody else's method in the benchmark with known answers: frozen networks, one function, one command."""
