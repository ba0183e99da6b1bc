"""Where a cell reads and writes, and where windows lie."""
