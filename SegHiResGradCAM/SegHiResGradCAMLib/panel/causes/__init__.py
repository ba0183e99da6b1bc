"""What made the network say so: which channels, which anatomy, and the smallest change that flips it."""
