"""Keras for modules that need it in their functions only: it is imported when something of it is first used.

To import it takes ten seconds, which pages that only show results should not spend.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras as keras
    from keras import layers as layers
else:

    class _Lazy:
        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):  # what looks into objects, as the book's page on the package does, loads nothing
                raise AttributeError(name)
            return getattr(importlib.import_module(self._name), name)

    keras, layers = _Lazy("keras"), _Lazy("keras.layers")
