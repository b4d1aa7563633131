"""Keras is loaded when something of it is used, and not when somebody looks into a module that uses it."""

import importlib

import pytest

from instrec_utils.models.lazy import keras, layers


def test_looking_into_it_loads_nothing(monkeypatch):
    monkeypatch.setattr(importlib, "import_module", lambda name: pytest.fail(f"{name} was loaded"))
    for one in (keras, layers):
        assert not hasattr(one, "__wrapped__")


def test_what_is_used_is_that_of_keras(monkeypatch):
    monkeypatch.setattr(importlib, "import_module", lambda name: {"keras": pytest, "keras.layers": importlib}[name])
    assert keras.raises is pytest.raises
    assert layers.reload is importlib.reload
