"""Recognising musical instruments in the videos that people upload, by sound, by sight and by both."""

__version__ = "0.1.0"
