import contextlib
import http.server
import io
import re
import shutil
import threading
import zipfile
from functools import partial

import cv2
import numpy as np
import pandas as pd
import pytest
import soundfile
from tiny_open import KAGGLE, NSYNTH, PHILHARMONIA, make_sources, photograph

from instrec_corpora import open_sources
from instrec_corpora.takes import parse_name
from instrec_utils import config
from instrec_utils.errors import CorpusError, DownloadError


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    return folder, make_sources(folder)


def test_registry_lists_the_published_files():
    registry = open_sources.read_registry()
    photos = registry[registry.kind == "photos"]
    recordings = registry[registry.kind == "recordings"]
    assert (len(photos), len(recordings)) == (1820, 1520)
    assert set(photos.label) == set(config.LABELS) - {"cello", "organ"}
    assert set(recordings.label) == set(photos.label) - {"accordion", "drums", "harmonica", "piano"}
    assert registry.path.is_unique
    assert registry.sha256.is_unique
    assert registry.sha256.str.fullmatch("[0-9a-f]{64}").all()
    assert registry.source.str.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}").all()
    assert registry.path.str.fullmatch(r"(photos|recordings)/[a-z]+/[\w.-]+\.(jpg|mp3|flac)").all()
    is_nsynth = registry.path.str.contains("/nsynth-")
    assert (registry.pcm_sha256.str.fullmatch("[0-9a-f]{64}") == is_nsynth).all()
    assert recordings.path.map(parse_name).map(lambda name: 20 < name.pitch < 110).all()


def test_unchanged_sources_pass(sources):
    folder, registry = sources
    pd.testing.assert_frame_equal(open_sources.verify_sources(folder, registry), registry)


def test_missing_and_changed_files_are_named(sources, tmp_path):
    folder, registry = sources
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    photo = copy / registry.path[registry.kind == "photos"].iloc[3]
    content = photo.read_bytes()
    photo.write_bytes(content[:-1] + b"x")
    with pytest.raises(CorpusError, match=f"{photo}: changed"):
        open_sources.verify_sources(copy, registry)
    photo.unlink()
    with pytest.raises(CorpusError, match=f"{photo}: missing"):
        open_sources.verify_sources(copy, registry)
    photo.write_bytes(content)
    recording = copy / registry.path[registry.pcm_sha256 != ""].iloc[0]
    samples, rate = soundfile.read(recording, dtype="int16")
    samples[100] += 1
    soundfile.write(recording, samples, rate)
    with pytest.raises(CorpusError, match=f"{recording}: changed"):
        open_sources.verify_sources(copy, registry)


@pytest.mark.parametrize("damaged", [b"", b"fLaC and no more"])
def test_right_copy_of_a_recording_is_used_beside_a_damaged_one(sources, tmp_path, monkeypatch, damaged):
    folder, registry = sources
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    row = registry[registry.pcm_sha256 != ""].iloc[0]
    recording = copy / row.path
    soundfile.write(recording.with_suffix(".wav"), *soundfile.read(recording, dtype="int16"))
    assert open_sources.verify_sources(copy, registry).path.equals(registry.path)  # the .flac, as long as it is right
    recording.write_bytes(damaged)
    with serving({}, monkeypatch) as asked:
        open_sources.download_sources(copy, registry)
    assert asked == []
    found = open_sources.verify_sources(copy, registry)
    assert list(found.path[found.path != registry.path]) == [row.path.replace(".flac", ".wav")]


def test_damaged_recording_is_fetched_again_and_passes(sources, tmp_path, monkeypatch):
    folder, registry = sources
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    recording = copy / registry.path[registry.pcm_sha256 != ""].iloc[0]
    recording.write_bytes(b"")
    with pytest.raises(CorpusError, match=f"{recording}: changed"):
        open_sources.verify_sources(copy, registry)
    with serving(archives_of(folder, registry), monkeypatch) as asked:  # whose recordings are .wav
        open_sources.download_sources(copy, registry)
        open_sources.download_sources(copy, registry)
    assert asked == [NSYNTH.split("@")[1]]
    open_sources.verify_sources(copy, registry)


def parts_of(folder, registry, seed=1):
    registry = registry.assign(group=open_sources.group_sources(folder, registry))
    return open_sources.draw_parts(registry, 7, np.random.default_rng(seed))


def test_parts_have_the_same_size_and_whole_takes(sources):
    folder, registry = sources
    parts = parts_of(folder, registry)
    assert parts.equals(parts_of(folder, registry))
    assert not parts.equals(parts_of(folder, registry, seed=2))
    is_nsynth = registry.pcm_sha256 != ""
    for _, part in parts[~is_nsynth].groupby([registry.label, registry.kind]):
        assert sorted(part.unique()) == [1, 2, 3, 4, 5, 6, 7]
        assert part.value_counts().agg(np.ptp) <= 1 + (registry.kind[part.index[0]] == "recordings")  # takes of two
    is_recording = registry.kind == "recordings"
    # The take, told in another way: the name without its length.
    stems = registry.path[is_recording].str.split("/").str[-1]
    takes = stems.str.replace(r"_(05|1)_", "_", regex=True).str.replace(r"-\d{3}-\d{3}\.flac", "", regex=True)
    assert takes.nunique() < len(takes)
    assert (parts[is_recording].groupby(takes).nunique() == 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_nearly_the_same_photographs_share_a_part(tmp_path, seed):
    registry = make_sources(tmp_path)
    original = photograph(1, "violin")
    near = {
        "mirrored.jpg": original[:, ::-1],
        "smaller.jpg": cv2.resize(original, (200, 200), interpolation=cv2.INTER_AREA),
        "darker.jpg": (original * 0.8).astype(np.uint8),
    }
    rows = []
    for name, picture in near.items():
        cv2.imwrite(str(tmp_path / "photos" / "violin" / name), picture[:, :, ::-1])
        rows.append({"path": f"photos/violin/{name}", "label": "violin", "kind": "photos", "source": KAGGLE})
    registry = pd.concat([registry, pd.DataFrame(rows)], ignore_index=True)
    same = registry.path.isin([f"photos/violin/{name}" for name in ("01.jpg", *near)])
    assert same.sum() == 4
    groups = open_sources.group_sources(tmp_path, registry)
    assert groups[same].nunique() == 1
    assert not groups[~same & (registry.kind == "photos")].duplicated().any()
    parts = parts_of(tmp_path, registry, seed)
    assert parts[same].nunique() == 1
    assert parts[registry.label == "violin"].nunique() == 7


def test_file_that_is_no_photograph_is_named(tmp_path):
    registry = make_sources(tmp_path)
    path = tmp_path / registry.path[registry.kind == "photos"].iloc[0]
    path.write_bytes(b"no picture")
    with pytest.raises(CorpusError, match=re.escape(str(path))):
        open_sources.group_sources(tmp_path, registry)


# The download, from a server on this machine.


def archive_of(folder, registry, source, *, change=None, extra=()):
    """A repository's archive: other names than the registry's, some with ``..`` in them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("repository-main/README.md", "hello")
        for number, row in enumerate(registry[registry.source == source].itertuples()):
            content = (folder / row.path).read_bytes()
            suffix = row.path.rpartition(".")[2]
            if suffix == "flac":  # upstream has other bytes with the same samples
                wave = io.BytesIO()
                soundfile.write(wave, *soundfile.read(folder / row.path, dtype="int16"), format="WAV")
                content, suffix = wave.getvalue(), "wav"
            if row.path == change:
                content = content[:-1] + b"x"
            above = "../../" if number % 2 else ""
            archive.writestr(f"repository-main/{above}data {number}.{suffix}", content)
        for name, content in extra:
            archive.writestr(name, content)
    return file.getvalue()


@contextlib.contextmanager
def serving(archives, monkeypatch):
    """Serve {commit: content}; yields the list of commits that were asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            commit = self.path.rpartition("/")[2].removesuffix(".zip")
            asked.append(commit)
            content = archives.get(commit)
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/{{repository}}/archive/{{commit}}.zip"
    monkeypatch.setattr(open_sources, "ARCHIVE_URL", url)
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()


def archives_of(folder, registry, **changes):
    return {
        source.split("@")[1]: archive_of(folder, registry, source, **changes)
        for source in (KAGGLE, NSYNTH, PHILHARMONIA)
    }


def everything_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_download_writes_the_registrys_files_and_nothing_else(sources, tmp_path, monkeypatch):
    folder, registry = sources
    target = tmp_path / "a" / "b" / "sources"
    with serving(archives_of(folder, registry), monkeypatch) as asked:
        open_sources.download_sources(target, registry)
        assert len(asked) == 3
        open_sources.download_sources(target, registry)  # all there: nothing is asked for
        (target / registry.path.iloc[0]).unlink()
        open_sources.download_sources(target, registry)
    assert asked[3:] == [KAGGLE.split("@")[1]]
    found = open_sources.verify_sources(target, registry)
    assert everything_below(tmp_path) == sorted("a/b/sources/" + path for path in found.path)
    assert set(registry.path[registry.path != found.path]) == set(registry.path[registry.pcm_sha256 != ""])


def test_member_with_wrong_content_is_not_written(sources, tmp_path, monkeypatch):
    folder, registry = sources
    changed = registry.path[registry.kind == "photos"].iloc[5]
    with (
        serving(archives_of(folder, registry, change=changed), monkeypatch),
        pytest.raises(DownloadError, match=f"1 files.*{changed}.*INSTREC_OPEN_CORPUS"),
    ):
        open_sources.download_sources(tmp_path, registry)
    assert not (tmp_path / changed).exists()
    assert not list(tmp_path.rglob("*.zip"))


@pytest.mark.parametrize("content", [None, b"this is no archive"])
def test_failed_download_says_what_to_set(sources, tmp_path, monkeypatch, content):
    _, registry = sources
    archives = {} if content is None else {source.split("@")[1]: content for source in (KAGGLE, NSYNTH, PHILHARMONIA)}
    with (
        serving(archives, monkeypatch),
        pytest.raises(DownloadError, match="INSTREC_OPEN_CORPUS"),
    ):
        open_sources.download_sources(tmp_path, registry)
    assert everything_below(tmp_path) == []


def test_no_connection_says_what_to_set(sources, tmp_path, monkeypatch):
    _, registry = sources
    monkeypatch.setattr(open_sources, "ARCHIVE_URL", "http://127.0.0.1:9/{repository}/{commit}.zip")
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9.*INSTREC_OPEN_CORPUS"):
        open_sources.download_sources(tmp_path, registry)


def test_download_stops_at_the_size_limit(sources, tmp_path, monkeypatch):
    folder, registry = sources
    monkeypatch.setattr(open_sources, "MAX_ARCHIVE_BYTES", 20_000)
    with serving(archives_of(folder, registry), monkeypatch), pytest.raises(DownloadError, match="20000 bytes"):
        open_sources.download_sources(tmp_path, registry)
    assert everything_below(tmp_path) == []


def test_large_members_are_never_unpacked(sources, tmp_path, monkeypatch):
    folder, registry = sources
    bomb = ("repository-main/bomb.wav", bytes(open_sources.MAX_FILE_BYTES + 1))
    read = []
    original = zipfile.ZipFile.read
    monkeypatch.setattr(
        zipfile.ZipFile, "read", lambda self, member: read.append(member.filename) or original(self, member)
    )
    with serving(archives_of(folder, registry, extra=[bomb]), monkeypatch):
        open_sources.download_sources(tmp_path, registry)
    assert read
    assert bomb[0] not in read
