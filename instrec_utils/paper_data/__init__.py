"""The paper's own numbers and data: its lists, the selection from YouTube-8M, the videos that are still there."""
