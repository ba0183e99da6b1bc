"""Apply and what goes with it: progress, errors, packages."""
