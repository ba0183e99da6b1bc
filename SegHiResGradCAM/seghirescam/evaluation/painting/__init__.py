"""A region masked out, the network run again, before and after."""
