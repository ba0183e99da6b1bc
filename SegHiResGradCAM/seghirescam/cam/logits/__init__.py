"""What a network returns becomes logits, and the score that is differentiated."""
