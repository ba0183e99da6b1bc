"""Is the map faithful?"""
