"""What the maps show of networks that others trained: planted causes, and the checks of a map, with intervals."""
