"""Which model a segmentation was explained with, and which one fits its segments."""
