"""Each of a hundred files gives what was put into it, or an error with a reason that a person understands."""

import os
import re

import av
import h5py
import librosa
import numpy as np
import pandas as pd
import pytest
import scipy.signal
from clusters import one_after_the_other
from threadpoolctl import threadpool_limits
from tiny_videos import time_of
from zoo import FREQUENCY, OPTIONS, Case, Pictures, Sound, cases, write, write_case

from instrec_utils import cluster, media
from instrec_utils.corpora import Corpus
from instrec_utils.features import extraction
from instrec_utils.features import store as features

CASES = {case.name: case for case in cases()}
BAND = np.abs(librosa.mel_frequencies(98, fmax=6000)[1:-1] - FREQUENCY).argmin()  # of Choi's spectrogram
FRAMES_A_SECOND = 12_000 / 256


def extract(folder, names, monkeypatch):
    """Extract the features of the files of a folder; returns their paths and the errors, by name."""
    ids = [f"file-{number:03d}" for number in range(len(names))]
    index = pd.DataFrame({"video_id": ids, "label": "violin", "split": "train", "path": names, "duration": 1.0})
    corpus = Corpus("zoo", "folder", folder / "corpus", folder / "videos", index)
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "process", one_after_the_other)
        with threadpool_limits(1):  # as in the workers
            errors = extraction.extract_features(corpus)
    reasons = dict(zip(errors.video_id, errors.reason, strict=True))
    store = corpus.directory / "features"
    return {name: (store / f"{i}.h5", reasons.get(i)) for name, i in zip(names, ids, strict=True)}


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    (folder / "videos").mkdir()
    for case in CASES.values():
        write_case(case, folder / "videos")
    with pytest.MonkeyPatch.context() as monkeypatch:
        return extract(folder, list(CASES), monkeypatch)


def expected_level(sound):
    """The level of the tone in Choi's spectrogram by librosa, from the samples that were written."""
    samples = scipy.signal.resample_poly(sound.samples().mean(axis=0), 12_000, sound.rate)
    power = librosa.feature.melspectrogram(y=samples, sr=12_000, n_fft=512, hop_length=256, n_mels=96)
    return float(np.median(librosa.power_to_db(power, amin=1e-10, top_db=None)[BAND]))


# These muxers move the first picture to make room for what MP3 and AAC put before the first sample.
SHIFTED = {"mpeg4-mp3.avi", "latin-title.avi", "fragments.mp4"}


def on_screen(path):
    """What the pictures of a file say at 0, 1, 2, ... s, by a plain loop over all of them."""
    with av.open(str(path), metadata_errors="ignore") as container:
        frames = [(frame.time, time_of(frame.to_ndarray(format="rgb24"))) for frame in container.decode(video=0)]
    start, last = frames[0][0], frames[-1][0]
    return [
        [told for time, told in frames if time - start <= second + 1e-6][-1] for second in range(int(last - start) + 1)
    ]


def test_there_are_many():
    assert len(CASES) >= 100
    assert len({name.rsplit(".", 1)[-1] for name in CASES if CASES[name].error == ""}) >= 10
    assert {"libx264", "libx265", "libvpx", "libvpx-vp9", "libsvtav1", "mpeg4", "mjpeg"} <= {
        case.pictures.codec for case in CASES.values() if case.pictures
    }
    assert {"aac", "libopus", "vorbis", "libmp3lame", "ac3", "flac", "pcm_s16le"} <= {
        case.sound.codec for case in CASES.values() if case.sound
    }
    assert set(OPTIONS) >= {"libx264", "libx265"}


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].error])
def test_what_cannot_be_used_is_listed_with_a_reason(zoo, name):
    path, reason = zoo[name]
    assert not path.exists()
    assert re.search(CASES[name].error, reason)
    assert name in reason


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].error])
def test_what_was_put_in_comes_out(zoo, name):
    case, (path, reason) = CASES[name], zoo[name]
    assert reason is None
    pictures = features.read_frames(path)
    if name in SHIFTED:
        expected = on_screen(path.parents[2] / "videos" / name)
        assert expected != case.pictures.expected()
    else:
        expected = case.pictures.expected() if case.pictures else []
    assert [time_of(picture) for picture in pictures] == expected
    spectrogram = features.read_spectrogram(path, "choi2016_cc")
    if case.sound is None:
        assert spectrogram is None
        return
    assert features.read_spectrogram(path, "han2016").shape == (30, 128, 43)
    if case.sound.level == 0:
        assert spectrogram.max() < -80
        return
    heard = spectrogram.max(axis=0) > -50
    assert heard.sum() == pytest.approx(min(case.sound.seconds, 29.12) * FRAMES_A_SECOND, abs=8)
    assert spectrogram[:, heard].mean(axis=1).argmax() == pytest.approx(BAND, abs=1)
    assert np.median(spectrogram[BAND, heard]) == pytest.approx(expected_level(case.sound), abs=case.sound.tolerance)


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].error])
def test_several_threads_write_the_same_file(zoo, name, tmp_path):
    path, _ = zoo[name]
    video = path.parents[2] / "videos" / name
    extraction.extract_video(features.Video("shared", video, tmp_path / "shared.h5"), num_threads=3)
    assert (tmp_path / "shared.h5").read_bytes() == path.read_bytes()


WHOLE = {
    "front.mp4": CASES["front.mp4"],
    "stream.ts": Case("stream.ts", Pictures(), Sound()),
    "opus.webm": Case("opus.webm", Pictures("libvpx-vp9"), Sound("libopus", 48_000)),
    "old.avi": Case("old.avi", Pictures("mpeg4"), Sound("libmp3lame")),
    "moving.flv": Case("moving.flv", Pictures(), Sound()),
}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Five files truncated at every tenth, and with one, four, ... 256 bytes flipped."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "videos").mkdir()
    generator = np.random.default_rng(4)
    names = []
    for name, case in WHOLE.items():
        content = write_case(case, folder / "videos").read_bytes()
        made = {f"cut{tenth}-{name}": content[: len(content) * tenth // 10] for tenth in range(1, 10)}
        for number in range(5):
            flipped = np.frombuffer(content, np.uint8).copy()
            where = generator.integers(0, len(flipped), 4**number)
            flipped[where] ^= generator.integers(1, 256, len(where)).astype(np.uint8)
            made[f"flipped{number}-{name}"] = flipped.tobytes()
        for other, changed in made.items():
            (folder / "videos" / other).write_bytes(changed)
        names += [name, *made]
    with pytest.MonkeyPatch.context() as monkeypatch:
        return extract(folder, names, monkeypatch)


@pytest.mark.parametrize("name", WHOLE)
def test_a_truncated_file_gives_its_beginning_or_a_reason(damaged, name):
    whole, reason = damaged[name]
    assert reason is None
    pictures = features.read_frames(whole)
    counts = []
    for tenth in range(1, 10):
        path, reason = damaged[f"cut{tenth}-{name}"]
        if reason is not None:
            assert f"cut{tenth}-{name}" in reason
            assert not path.exists()
            continue
        found = features.read_frames(path)
        counts.append(len(found))
        assert len(found) <= len(pictures)
        np.testing.assert_array_equal(found[:-1], pictures[: len(found)][:-1])  # the last one may be cut itself
        with h5py.File(path) as file:
            assert "frames" in file or "log_mel" in file
    assert counts == sorted(counts)
    assert counts  # nine tenths of each are enough for something


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_with_flipped_bytes_gives_finite_features_or_a_reason(damaged, name):
    for number in range(5):
        path, reason = damaged[f"flipped{number}-{name}"]
        if reason is not None:
            assert f"flipped{number}-{name}" in reason
            continue
        count = features.count_frames(path)  # hours of them, where a time was hit
        some = np.unique([0, count // 2, max(0, count - 1)])[:count]
        assert features.read_frames(path, some).shape == (len(some), 256, 256, 3)
        for kind in ("choi2016_cc", "choi2016_uc", "han2016"):
            spectrogram = features.read_spectrogram(path, kind)
            assert spectrogram is None or np.isfinite(spectrogram).all()


def test_a_name_that_is_no_text(tmp_path, monkeypatch):
    (tmp_path / "videos").mkdir()
    name = os.fsdecode(b"\xff\xfe.mp4")
    write(tmp_path / "plain.mp4", Pictures(), Sound())
    (tmp_path / "plain.mp4").rename(tmp_path / "videos" / name)
    path, reason = extract(tmp_path, [name], monkeypatch)[name]
    assert reason is None or "cannot be" in reason
    assert path.exists() == (reason is None)


@pytest.mark.parametrize("name", ["b" * 300 + ".mp4", "zero\0byte.mp4", "../outside.mp4", "/etc/hostname"])
def test_names_that_cannot_be(tmp_path, monkeypatch, name):
    (tmp_path / "videos").mkdir()
    write(tmp_path / "outside.mp4", Pictures(), Sound())
    path, reason = extract(tmp_path, [name], monkeypatch)[name]
    assert re.search("cannot be read|no such file|expected a path inside", reason)
    assert not path.exists()


def test_a_recording_that_begins_in_the_middle(tmp_path):
    path = tmp_path / "middle.ts"
    write(path, Pictures(options=(("g", "10"),)), Sound())
    path.write_bytes(path.read_bytes()[188 * 7 :])  # without the first key frame
    assert [time_of(picture) for picture in media.read_frames(path)] == [1, 2, 3]


@pytest.mark.slow
def test_two_hours(tmp_path):
    path = tmp_path / "long.mp4"
    film = Pictures(rate=2, seconds=7200, options=(("tune", "zerolatency"), ("g", "250")))
    write(path, film)
    expected = film.expected()
    assert len(expected) == 7200
    assert [time_of(picture) for picture in media.read_frames(path)] == expected
    numbers = [17, 3000, 7199]
    found = [time_of(picture) for picture in media.read_frames(path, numbers=numbers)]
    assert found == [expected[number] for number in numbers]
