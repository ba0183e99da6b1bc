"""Numbers that lead to places: a row of a table to its segment, a point of a curve to what was masked out there."""
