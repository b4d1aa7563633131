import hashlib
import os

import pytest

from instrec_utils import media
from instrec_utils.config import LABELS
from instrec_utils.corpora import elsewhere
from instrec_utils.errors import CorpusError


def test_the_list_has_every_file_with_its_public_address():
    table = elsewhere.list_elsewhere()
    assert table["kind"].value_counts().to_dict() == {
        "photograph": 66,
        "phrase": 55,
        "clip-silent": 4,
        "clip-duo": 3,
        "clip": 2,
    }
    assert {label for joined in table["label"] for label in joined.split("+")} <= set(LABELS)
    by_kind = table.groupby("kind")["label"].agg(set)
    assert by_kind["phrase"] == set(LABELS)
    assert len(by_kind["photograph"]) == 11
    assert table.groupby("kind")["collection"].nunique()[["phrase", "photograph"]].tolist() == [5, 1]
    assert table["path"].is_unique
    assert table["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert (
        table["address"].str.fullmatch(r"https://raw\.githubusercontent\.com/[^/ ]+/[^/ ]+/[0-9a-f]{40}/[!-~]+").all()
    )
    assert table["address"].is_unique


def test_a_name_with_spaces_and_brackets_is_quoted():
    addresses = elsewhere.list_elsewhere().set_index("path")["address"]
    assert addresses["phrases/guitar/omerdvi__Acoustic_Guitar.mp3"].endswith("/audio/Acoustic%20Guitar.mp3")
    irmas = addresses["phrases/clarinet/mirdata__IRMAS-TrainingData_cla__cla_cla_0189__2.wav"]
    assert irmas.endswith("/%5Bcla%5D%5Bcla%5D0189__2.wav")


def test_only_files_of_the_wanted_kinds_are_needed_and_each_is_checked(tmp_path, monkeypatch):
    table = elsewhere.list_elsewhere()
    table.loc[table["kind"] == "clip", "sha256"] = hashlib.sha256(b"a clip").hexdigest()
    monkeypatch.setattr(elsewhere, "list_elsewhere", lambda: table)
    monkeypatch.setenv("INSTREC_ELSEWHERE", str(tmp_path))
    with pytest.raises(CorpusError, match=r"\.mp4: missing; INSTREC_ELSEWHERE must name"):
        elsewhere.read_elsewhere("clip")
    for name in table.loc[table["kind"] == "clip", "path"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"a clip")
    rows, folder = elsewhere.read_elsewhere("clip")
    assert (rows["label"].tolist(), folder) == (["drums", "guitar"], tmp_path)
    (tmp_path / rows["path"][0]).write_bytes(b"another")
    with pytest.raises(CorpusError, match="the sha256 of the published file is"):
        elsewhere.read_elsewhere("clip")


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"kinds: expected some of phrase, photograph, clip.*, got video"):
        elsewhere.read_elsewhere("video")


@pytest.mark.skipif("INSTREC_ELSEWHERE" not in os.environ, reason="INSTREC_ELSEWHERE names no local copy")
def test_the_files_are_what_the_list_says():
    table, folder = elsewhere.read_elsewhere()
    assert len(table) == 130
    for row in table[table["kind"].str.startswith("clip")].itertuples():
        found = media.probe(folder / row.path)
        assert found.has_picture
        assert found.has_sound == (row.kind != "clip-silent")
