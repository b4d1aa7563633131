import errno
import os
import runpy
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import cv2
import h5py
import numpy as np
import pandas as pd
import pytest
import tiny_features
from clusters import one_after_the_other
from reference import ffmpeg, sound
from tiny_features import digests, make_corpus
from tiny_videos import time_of, tone, write_video

from instrec_utils import cluster, config
from instrec_utils.errors import FeaturesError, MediaError
from instrec_utils.features import extraction
from instrec_utils.features import store as features
from instrec_utils.inputs import frames
from instrec_utils.media import streams


@pytest.fixture
def no_processes(monkeypatch):
    monkeypatch.setattr(cluster, "process", one_after_the_other)


@pytest.fixture
def video(videos, tmp_path):
    """A piece of work on a copy of a video."""
    path = Path(shutil.copy(videos["both"], tmp_path / "both.mp4"))
    return features.Video("both", path, tmp_path / "features" / "both.h5")


def is_empty(folder):
    return not folder.exists() or list(folder.iterdir()) == []


def test_what_the_docstring_says_a_file_holds(video):
    extraction.extract_video(video)
    with h5py.File(video.features_path) as file:
        # The reader of the docstring.
        jpeg = file["frames"][0]
        spectrogram = file["log_mel/choi2016_uc"][:]
        assert spectrogram.shape == (96, 1366)
        assert spectrogram.dtype == np.float16
        assert file["log_mel/choi2016_cc"].shape == (96, 1366)
        assert file["log_mel/han2016"].shape == (30, 128, 43)
        names = ["duration", "format", "settings_sha256", "video_bytes", "video_mtime_ns", "video_sha256"]
        assert sorted(file.attrs) == names
        assert file.attrs["format"] == features.FORMAT
        assert file.attrs["video_bytes"] == video.path.stat().st_size
        assert file.attrs["duration"] == pytest.approx(3.2, abs=0.1)
        assert [time_of(cv2.imdecode(data, 1)[..., ::-1]) for data in file["frames"]] == [0, 1, 2, 3]
    assert cv2.imdecode(jpeg, 1).shape == (256, 256, 3)
    docstring_reader = textwrap.dedent(features.__doc__.split("nothing of this package::")[1])
    docstring_reader = docstring_reader.replace("violin-0001.h5", str(video.features_path))
    names = {"h5py": h5py}
    exec(docstring_reader, names)
    np.testing.assert_array_equal(names["spectrogram"], spectrogram)
    np.testing.assert_array_equal(names["jpeg"], jpeg)


def test_the_readers(video):
    extraction.extract_video(video)
    path = video.features_path
    assert features.count_frames(path) == 4
    pictures = features.read_frames(path)
    assert pictures.shape == (4, 256, 256, 3)
    assert pictures.dtype == np.uint8
    assert [time_of(picture) for picture in pictures] == [0, 1, 2, 3]
    chosen = features.read_frames(path, np.array([3, 1, 1]))
    np.testing.assert_array_equal(chosen, pictures[[3, 1, 1]])
    spectrogram = features.read_spectrogram(path, "choi2016_cc")
    assert spectrogram.dtype == np.float32
    assert spectrogram.min() == -100
    # The tone of 440 Hz is in the mel band that it belongs to.
    import librosa

    centres = librosa.mel_frequencies(98, fmax=6000)[1:-1]
    assert spectrogram[:, 40:80].mean(axis=1).argmax() == np.abs(centres - 440).argmin()
    with pytest.raises(FeaturesError, match=r"both\.h5: expected one of .*choi2016_uc.*, got 'mfcc'; extract"):
        features.read_spectrogram(path, "mfcc")


def test_a_missing_stream_is_told_apart(videos, tmp_path):
    silent = features.Video("silent", videos["silent"], tmp_path / "silent.h5")
    unseen = features.Video("unseen", videos["unseen"], tmp_path / "unseen.h5")
    for work in (silent, unseen):
        extraction.extract_video(work)
    assert features.read_spectrogram(silent.features_path, "choi2016_uc") is None
    assert features.count_frames(silent.features_path) == 4
    assert features.read_spectrogram(unseen.features_path, "han2016").shape == (30, 128, 43)
    assert features.count_frames(unseen.features_path) == 0
    assert features.read_frames(unseen.features_path).shape == (0, 256, 256, 3)


def test_an_undecodable_video_leaves_nothing(videos, tmp_path):
    work = features.Video("damaged", videos["damaged"], tmp_path / "features" / "damaged.h5")
    with pytest.raises(MediaError, match=r"damaged\.mp4"):
        extraction.extract_video(work)
    assert is_empty(tmp_path / "features")


def test_a_worker_is_not_ended_while_a_file_is_looked_at_for_as_long_as_that_may_take(video, monkeypatch):
    limits, at_most = [], cluster.at_most
    monkeypatch.setattr(cluster, "at_most", lambda seconds: limits.append(seconds) or at_most(seconds))
    extraction.extract_video(video)
    first_of_each, every_track = 2 * streams.MIN_WORK_SECONDS, 10 * streams.MIN_WORK_SECONDS
    assert limits[0] > streams.MAX_LOOK_SECONDS + first_of_each + every_track


@pytest.mark.parametrize("is_there", [False, True])
def test_a_full_disk_leaves_what_was_there(video, monkeypatch, is_there):
    if is_there:
        extraction.extract_video(video)
    before = video.features_path.read_bytes() if is_there else None

    def write_half(path, content):
        with path.open("wb") as file:
            file.write(bytes(content)[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(OSError, match="No space left on device"):
        extraction.extract_video(video)
    if is_there:
        assert video.features_path.read_bytes() == before
        assert list(video.features_path.parent.iterdir()) == [video.features_path]
    else:
        assert is_empty(video.features_path.parent)


@pytest.mark.slow
def test_a_file_that_may_not_grow_any_further(video):
    """A real failing write, deep in the operating system: the size of files is limited in a process of its own."""
    script = f"""
        import resource, signal
        from pathlib import Path
        from instrec_utils.features import extraction
        from instrec_utils.features import store as features
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            paths = Path({str(video.path)!r}), Path({str(video.features_path)!r})
            extraction.extract_video(features.Video("both", *paths))
        except OSError as error:
            print("OSError", error.errno)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["OSError", "27"], done.stderr
    assert is_empty(video.features_path.parent)


def test_the_loudest_channel_where_channels_cancel_each_other(tmp_path):
    path = ffmpeg(*sound("0.3*sin(2*PI*440*t)|-0.3*sin(2*PI*440*t)", 4), "-c:a", "flac", tmp_path / "turned.mka")
    levels = {}
    for channels in ("mean", "loudest"):
        work = features.Video("turned", path, tmp_path / f"{channels}.h5", channels)
        extraction.extract_video(work)
        assert features.is_valid(work)
        levels[channels] = features.read_spectrogram(work.features_path, "choi2016_uc").max()
        assert features.read_channels(work.features_path) == channels
    assert levels["mean"] < -60
    assert levels["loudest"] > 0
    assert not features.is_valid(features.Video("turned", path, tmp_path / "mean.h5", "loudest"))  # is made anew


def test_only_a_whole_file_of_this_video_and_these_settings_is_valid(video, monkeypatch):
    assert not features.is_valid(video)
    extraction.extract_video(video)
    assert features.is_valid(video)
    content = video.features_path.read_bytes()
    for cut in (0, 1, 100, len(content) // 2, len(content) - 1):
        video.features_path.write_bytes(content[:cut])
        assert not features.is_valid(video), cut
        with pytest.raises(FeaturesError, match=r"both\.h5: (damaged .* removed; extract|made with other settings)"):
            features.read_spectrogram(video.features_path, "choi2016_uc")
        with pytest.raises(FeaturesError):
            features.read_frames(video.features_path)
    video.features_path.write_bytes(content)
    assert features.is_valid(video)

    status = video.path.stat()
    os.utime(video.path, ns=(status.st_atime_ns, status.st_mtime_ns + 1000))
    assert not features.is_valid(video)
    os.utime(video.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert features.is_valid(video)
    with video.path.open("ab") as file:
        file.write(b"\0")
    os.utime(video.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not features.is_valid(video)

    monkeypatch.setattr(features, "SETTINGS_SHA256", "0" * 64)
    with pytest.raises(FeaturesError, match=r"both\.h5: made with other settings; extract the features again"):
        features.read_spectrogram(video.features_path, "choi2016_uc")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *((config, name) for name in ("NUM_SEGMENTS", "SEGMENT_SECONDS", "FRAME_RATE", "FRAME_SIZE")),
        (frames, "JPEG_QUALITY"),
    ],
)
def test_every_setting_counts(monkeypatch, module, name):
    monkeypatch.setattr(module, name, getattr(module, name) + 1)
    assert runpy.run_path(features.__file__)["SETTINGS_SHA256"] != features.SETTINGS_SHA256


@pytest.mark.parametrize("name", ["CHOI2016", "HAN2016"])
@pytest.mark.parametrize("field", ["sample_rate", "n_fft", "hop_length", "n_mels", "num_frames"])
def test_every_setting_of_a_spectrogram_counts(monkeypatch, name, field):
    settings = getattr(config, name)
    monkeypatch.setattr(config, name, replace(settings, **{field: getattr(settings, field) + 1}))
    assert runpy.run_path(features.__file__)["SETTINGS_SHA256"] != features.SETTINGS_SHA256


def test_the_settings_are_those_that_stores_were_made_with():
    """A store that someone has extracted stays valid as long as nothing that it depends on changes."""
    assert runpy.run_path(features.__file__)["SETTINGS_SHA256"] == features.SETTINGS_SHA256
    assert features.SETTINGS_SHA256.startswith("3128638d072b")


def damage_spectrogram(file):
    file["log_mel/choi2016_uc"][3, 5] = np.nan


def damage_frame(file):
    file["frames"][2] = np.zeros(50, np.uint8)


def lose_attributes(file):
    del file.attrs["video_sha256"], file.attrs["video_bytes"]


def test_another_video_has_another_key_whatever_its_size_length_and_time(video):
    extraction.extract_video(video)
    first, status = features.key_of(video.features_path), video.path.stat()
    extraction.extract_video(video)
    assert features.key_of(video.features_path) == first
    with video.path.open("r+b") as file:
        start = video.path.read_bytes().index(b"mdat") + len("mdat")
        file.seek(start)
        file.write(bytes(8))  # of one packet
    os.utime(video.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert video.path.stat().st_size == status.st_size
    extraction.extract_video(video)
    assert features.key_of(video.features_path) != first


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_spectrogram, "log_mel/choi2016_uc holds values that are not finite"),
        (damage_frame, "expected JPEG bytes, got 50 bytes that are none"),
        (lose_attributes, ".*attribute.*"),
    ],
)
def test_a_file_that_turns_out_to_be_damaged_is_removed_so_that_it_is_made_again(video, damage, reason):
    extraction.extract_video(video)
    with h5py.File(video.features_path, "a") as file:
        damage(file)
    with pytest.raises(FeaturesError, match=rf"both\.h5: damaged \({reason}\), so it was removed; extract"):  # noqa: PT012
        features.key_of(video.features_path)
        features.read_spectrogram(video.features_path, "choi2016_uc")
        features.read_frames(video.features_path)
    assert not video.features_path.exists()
    extraction.extract_video(video)
    assert len(features.read_frames(video.features_path)) == 4


def test_a_file_that_cannot_be_opened_just_now_is_kept(video, monkeypatch):
    extraction.extract_video(video)

    def refuse(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(FeaturesError, match=r"both\.h5: cannot be read \(.*Too many open files"):
        features.read_frames(video.features_path)
    assert video.features_path.exists()


@pytest.mark.parametrize(
    "video_id", ["", "..", "../up", "a/b", "/etc/passwd", "a b", "é", "a" * 65, "a\n", "a\0", "a.h5"]
)
def test_hostile_ids_are_refused(tmp_path, video_id):
    with pytest.raises(FeaturesError, match="video_id: expected 1 to 64 letters, digits"):
        features.features_path(tmp_path, video_id)


@pytest.mark.parametrize("video_id", ["-aBc_019", "NA", "a" * 64])
def test_ids_of_youtube_are_taken(tmp_path, video_id):
    assert features.features_path(tmp_path, video_id) == tmp_path / f"{video_id}.h5"


def test_extract_does_what_is_missing_and_nothing_else(videos, tmp_path, no_processes):
    folder = tmp_path / "videos"
    folder.mkdir()
    names = ("both", "silent", "damaged")
    paths = [Path(shutil.copy(videos[name], folder)) for name in names]
    corpus = make_corpus(tmp_path / "corpus", [*paths, folder / "missing.mp4"])
    store = corpus.directory / "features"

    errors = extraction.extract_features(corpus)
    assert sorted(path.name for path in store.iterdir()) == ["both.h5", "errors.csv", "silent.h5"]
    assert errors.video_id.tolist() == ["damaged", "missing"]
    assert "no such file" in errors.reason.iloc[1]
    pd.testing.assert_frame_equal(pd.read_csv(store / "errors.csv", dtype=str), errors.reset_index(drop=True))

    before = {path.name: path.stat().st_mtime_ns for path in store.glob("*.h5")}
    extraction.extract_features(corpus)
    assert {path.name: path.stat().st_mtime_ns for path in store.glob("*.h5")} == before

    (store / "silent.h5").write_bytes((store / "silent.h5").read_bytes()[:500])
    shutil.copy(videos["single"], folder / "damaged.mp4")  # the user has repaired it
    errors = extraction.extract_features(corpus)
    assert errors.video_id.tolist() == ["missing"]
    after = {path.name: path.stat().st_mtime_ns for path in store.glob("*.h5")}
    assert after["both.h5"] == before["both.h5"]
    assert after["silent.h5"] != before["silent.h5"]
    assert features.count_frames(store / "silent.h5") == 4
    assert features.count_frames(store / "damaged.h5") == 1


def test_a_full_disk_stops_the_extraction(videos, tmp_path, no_processes, monkeypatch):
    corpus = make_corpus(tmp_path / "corpus", [videos["both"]])

    def fail(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space left"):
        extraction.extract_features(corpus)
    assert is_empty(corpus.directory / "features")
    monkeypatch.undo()


@pytest.mark.slow
def test_a_killed_extraction_is_carried_on(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    paths = [
        write_video(
            folder / f"video{number:02d}.mp4", times=np.arange(60) / 10, sound=tone(30, 44_100, 300 + 20 * number)
        )
        for number in range(16)
    ]
    script = tmp_path / "extract.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(tiny_features.__file__).parent)!r})
        from tiny_features import make_corpus
        from instrec_utils.features import extraction

        if __name__ == "__main__":
            paths = sorted(Path({str(folder)!r}).glob("*.mp4"))
            extraction.extract_features(make_corpus(Path(sys.argv[1]), paths), num_workers=1)
        """)
    )

    def start(directory):
        command = [sys.executable, str(script), str(directory)]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)

    killed = tmp_path / "killed"
    process = start(killed)
    until = time.monotonic() + 300
    try:
        while len(list((killed / "features").glob("[!.]*.h5"))) < 3:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the process and its workers
        process.wait()
    left = digests(killed / "features")
    assert 3 <= len([name for name in left if not name.startswith(".")]) < len(paths)

    assert start(killed).wait(timeout=300) == 0
    assert start(tmp_path / "undisturbed").wait(timeout=300) == 0
    names = {f"{path.stem}.h5" for path in paths}
    undisturbed = digests(tmp_path / "undisturbed" / "features")
    assert set(undisturbed) == names
    carried_on = digests(killed / "features")
    assert {name: carried_on[name] for name in names} == undisturbed
    assert (killed / "features" / "errors.csv").read_text() == "video_id,path,reason\n"
