"""Pictures of a map as files: the views, a figure, a page."""
