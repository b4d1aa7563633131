import numpy as np
import pandas as pd
import pytest
from tiny_features import write_features

from instrec_utils.corpora import Corpus
from instrec_utils.errors import FeaturesError
from instrec_utils.features import store
from instrec_utils.inputs.augmentation import SILENCE
from instrec_utils.models.architecture import audio_inputs


@pytest.fixture
def uniform():
    """The input of Choi's network that is spread over a recording."""
    return audio_inputs()["choi2016_uc"]


def write_level(folder, video_id, level):
    write_features(store.features_path(folder, video_id), choi2016_uc=np.full((96, 1366), level))


def test_only_videos_in_which_something_is_heard_are_audible(tmp_path, uniform):
    folder = tmp_path / "features"
    write_level(folder, "loud", -20.0)
    write_level(folder, "room", -60.0)
    write_features(store.features_path(folder, "mute"))
    table = pd.DataFrame({"video_id": ["loud", "room", "mute"]})
    corpus = Corpus("x", "folder", tmp_path, tmp_path, table)
    assert store.audible_videos(corpus, table, uniform).video_id.tolist() == ["loud"]
    assert len(store.audible_videos(corpus, table[1:], uniform)) == 2  # nothing is heard: all are kept
    assert (store.load_input(folder, "mute", uniform) == SILENCE).all()
    assert store.load_input(folder, "mute", audio_inputs()["han2016"]).shape == (30, 128, 43)


def test_a_file_that_is_written_anew_is_read_anew(tmp_path, uniform):
    for level in (-20.0, -30.0):
        write_level(tmp_path, "a", level)
        assert (store.load_input(tmp_path, "a", uniform) == level).all()
    store.features_path(tmp_path, "a").unlink()
    with pytest.raises(FeaturesError, match=r"a\.h5: missing; extract"):
        store.load_input(tmp_path, "a", uniform)


def test_who_reads_a_spectrogram_may_change_it(tmp_path, uniform):
    write_level(tmp_path, "a", -20.0)
    store.load_input(tmp_path, "a", uniform)[:] = 0
    assert (store.load_input(tmp_path, "a", uniform) == -20).all()


def test_a_spectrogram_is_read_from_its_file_once(tmp_path, monkeypatch, uniform):
    write_level(tmp_path, "a", -20.0)
    opened = []
    read = store.read_spectrogram
    monkeypatch.setattr(store, "read_spectrogram", lambda *names: opened.append(names) or read(*names))
    for _ in range(3):
        store.load_input(tmp_path, "a", uniform)
    assert len(opened) == 1
