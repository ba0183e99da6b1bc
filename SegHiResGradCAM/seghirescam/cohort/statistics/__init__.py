"""What a run's table allows to be concluded: paired comparisons over cases."""
