"""A page to be read and printed: what was asked, what was found, the odd first; one HTML file that asks nobody."""
