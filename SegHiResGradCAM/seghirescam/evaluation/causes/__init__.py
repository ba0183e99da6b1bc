"""What made the network say so: the score shared out among channels or segments, and the smallest flip."""
