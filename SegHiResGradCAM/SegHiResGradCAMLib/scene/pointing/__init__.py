"""Where the user points: the crosshair, a Markups point, a box ROI."""
