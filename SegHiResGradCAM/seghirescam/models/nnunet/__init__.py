"""nnU-Net v2 and what is trained with it."""
