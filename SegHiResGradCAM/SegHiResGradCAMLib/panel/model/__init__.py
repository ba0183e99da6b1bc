"""The chosen model: found, recognised, its channels filled."""
