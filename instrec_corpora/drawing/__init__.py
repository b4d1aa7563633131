"""The pictures of the demo corpus: drawn instruments, players and places, animated."""

from instrec_corpora.drawing.scene import Scene, contact_sheet

__all__ = ["Scene", "contact_sheet"]
