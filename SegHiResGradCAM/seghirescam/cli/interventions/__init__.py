"""Commands that change the image and run the model again: what mattered, and what flips it."""
