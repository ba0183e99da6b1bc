"""Is the model fed as it is meant to be? Its prediction against a segment, with one thing changed at a time."""
