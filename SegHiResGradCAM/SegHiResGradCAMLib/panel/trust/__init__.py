"""Is the shown map faithful?"""
