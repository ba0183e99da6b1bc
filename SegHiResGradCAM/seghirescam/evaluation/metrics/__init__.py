"""Where the evidence lies, how much, and how alike two maps are: numpy, never torch."""
