"""A region painted over, the network run again, before and after."""
