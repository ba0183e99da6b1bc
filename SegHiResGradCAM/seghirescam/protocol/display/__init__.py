"""What showing a map needs to know, on either side: colours, thresholds, shares."""
