"""What goes with maps: comparisons, tables, curves, paintings, files."""
