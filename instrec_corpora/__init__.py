"""Makes the two staged corpora, demo and open: drawing, phrases, rooms, slide shows.

Nobody needs it to read the report or to use it on videos of their own.
"""
