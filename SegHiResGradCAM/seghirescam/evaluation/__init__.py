"""Is the map true?"""
