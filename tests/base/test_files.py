import hashlib
import json
import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrec_utils import files

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class Sizes:
    width: int
    names: tuple[str, ...]


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "new" / "folder" / "file.txt"
    with files.whole(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent  # renaming across file systems would copy
        assert temporary.suffix == ".txt"
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("bad")])
def test_a_failure_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail():
        with files.whole(path) as temporary:
            temporary.write_text("new")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_with_any_bit_wrong_is_no_error_as_it_can_be_made_again(tmp_path):
    path = tmp_path / "kept.npz"
    files.write_arrays(path, key="a", values=np.arange(6.0))
    content = path.read_bytes()
    np.testing.assert_array_equal(files.read_arrays(path)["values"], np.arange(6.0))
    assert files.is_whole_archive(path)
    for number in range(len(content)):
        for bit in (1, 8):  # 1 of a flag says that a file is encrypted, 8 of a method that it is compressed
            damaged = bytearray(content)
            damaged[number] ^= bit
            path.write_bytes(damaged)
            assert files.read_arrays(path).keys() <= {"key", "values"} or files.is_whole_archive(path)


def test_text_and_bytes_are_written_as_given(tmp_path):
    files.write_text(tmp_path / "text", "é\n日本\n")
    assert (tmp_path / "text").read_bytes() == "é\n日本\n".encode()
    files.write_bytes(tmp_path / "bytes", b"\x00\r\n\xff")
    assert (tmp_path / "bytes").read_bytes() == b"\x00\r\n\xff"


@given(PLAIN)
def test_json_comes_back(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("json") / "file.json"
    files.write_json(path, content)
    assert json.loads(path.read_text(encoding="utf-8")) == content


def test_json_of_dataclasses_numpy_and_paths(tmp_path):
    content = {"sizes": Sizes(3, ("a", "b")), "path": Path("x/y"), "number": np.float32(0.5), "count": np.int64(7)}
    files.write_json(tmp_path / "file.json", content)
    expected = {"sizes": {"width": 3, "names": ["a", "b"]}, "path": "x/y", "number": 0.5, "count": 7}
    assert json.loads((tmp_path / "file.json").read_text()) == expected


@pytest.mark.parametrize("content", [float("nan"), float("inf"), object(), {"a": {1, 2}}])
def test_what_json_cannot_hold_is_refused_and_nothing_written(tmp_path, content):
    with pytest.raises((ValueError, TypeError)):
        files.write_json(tmp_path / "file.json", content)
    assert list(tmp_path.iterdir()) == []


@given(st.dictionaries(st.text(max_size=4), PLAIN, max_size=6))
def test_the_sha256_does_not_depend_on_the_order_of_keys(content):
    assert files.sha256_of(OrderedDict(reversed(content.items()))) == files.sha256_of(content)


def test_the_sha256_tells_contents_apart():
    contents = [{"a": 1}, {"a": 2}, {"b": 1}, {"a": [1]}, [], {}, "a", Sizes(1, ()), Sizes(1, ("a",))]
    assert len({files.sha256_of(content) for content in contents}) == len(contents)
    assert files.sha256_of({"b": 1, "a": 2}) == hashlib.sha256(b'{"a": 2, "b": 1}').hexdigest()


def test_the_sha256_of_a_file(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert files.sha256_of_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()
