"""Is the shown map true?"""
