from fractions import Fraction

import av
import numpy as np
import pandas as pd
import pytest
import soundfile
from reference import ffmpeg, pictures, sound

from instrec_utils import corpora
from instrec_utils.corpora import validation
from instrec_utils.corpora.validation import (
    FINDINGS,
    count_findings,
    is_still,
    is_usable,
    preview_folder,
    validate,
)
from instrec_utils.errors import CorpusError, ParameterError

RATE = 16_000


def write_video(path, *, seconds=4.0, moves=True, level=0.3, picture=True, sound=True, seed=0):
    """Write a video: noise pictures that change or do not, a tone at a level or silence."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        if picture:
            video = container.add_stream("mpeg4", rate=4)
            video.width, video.height, video.pix_fmt, video.bit_rate = 64, 64, "yuv420p", 400_000
        if sound:
            audio = container.add_stream("aac", rate=RATE, layout="mono")
        if picture:
            scene = np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
            for number in range(round(seconds * 4)):
                shown = np.roll(scene, 4 * number if moves else 0, axis=1)
                container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), format="rgb24")))
            container.mux(video.encode(None))
        if sound:
            tone = level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)
            block = av.AudioFrame.from_ndarray(tone.astype(np.float32)[None], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = RATE, 0, Fraction(1, RATE)
            container.mux(audio.encode(block))
            container.mux(audio.encode(None))


@pytest.fixture
def corpus(tmp_path):
    """Write one video for every finding; the name says which."""
    files = {
        "good": {},
        "quiet": {"level": 0.01, "seed": 1},
        "silent": {"level": 0.0, "seed": 2},
        "no_sound": {"sound": False, "seed": 3},
        "still": {"moves": False, "seed": 4},
        "no_picture": {"picture": False, "seed": 5},
        "short": {"seconds": 2.0, "seed": 6},
    }
    for name, settings in files.items():
        write_video(tmp_path / "videos" / f"{name}.mp4", **settings)
    (tmp_path / "videos" / "copy.mp4").write_bytes((tmp_path / "videos" / "good.mp4").read_bytes())
    (tmp_path / "videos" / "text.mp4").write_text("not a video")
    (tmp_path / "videos" / "empty.mp4").write_bytes(b"")
    names = [*files, "copy", "text", "empty", "gone", "never"]
    index = pd.DataFrame({"video_id": names})
    index["label"] = ["banjo" if number % 2 else "cello" for number in range(len(names))]
    index["split"] = "train"
    index["path"] = ["" if name == "never" else f"videos/{name}.mp4" for name in names]
    index["duration"] = np.nan
    return index, tmp_path


EXPECTED = {
    "good": set(),
    "quiet": set(),
    "silent": {"silent"},
    "no_sound": {"silent"},
    "still": {"still"},
    "no_picture": {"still"},
    "short": {"too_short"},
    "copy": {"duplicated"},
    "text": {"invalid"},
    "empty": {"invalid"},
    "gone": {"missing"},
    "never": {"missing"},
}


def test_every_video_has_its_finding(corpus):
    index, folder = corpus
    findings = validate(index, folder)
    found = {row.video_id: {name for name in FINDINGS if getattr(row, name)} for row in findings.itertuples()}
    assert found == EXPECTED
    notes = findings.set_index("video_id").note
    assert notes["copy"] == "the same as videos/good.mp4"
    assert "text.mp4" in notes["text"]
    usable = set(findings.video_id[is_usable(findings)])
    assert usable == set(EXPECTED) - {"text", "empty", "gone", "never", "short"}


def test_only_files_of_one_size_are_read_for_being_the_same(corpus, monkeypatch):
    index, folder = corpus
    with (folder / "videos" / "good.mp4").open("r+b") as good, (folder / "videos" / "quiet.mp4").open("r+b") as quiet:
        for file in (good, quiet):
            file.truncate(5 * 2**30)  # as a card or a download leaves them: a good head, and nothing behind it
    read = []
    monkeypatch.setattr(validation, "sha256_of_file", lambda path: read.append(path.name) or path.name)
    findings = validate(index[index.video_id.isin(["good", "copy", "still"])], folder)
    assert read == []
    assert not findings[["invalid", "duplicated"]].any(axis=None)
    validate(index[index.video_id.isin(["good", "quiet", "still"])], folder)
    assert read == ["good.mp4", "quiet.mp4"]


def test_a_folder_is_looked_at_before_there_is_a_report(tmp_path, home):
    for number in range(5):
        write_video(tmp_path / "root" / "oboe" / f"{number}.mp4", seed=number, level=0.0 if number == 4 else 0.3)
        write_video(tmp_path / "root" / "harp" / f"{number}.mp4", seed=10 + number, sound=False)
    write_video(tmp_path / "root" / "viola" / "only.mp4", seed=20)
    (tmp_path / "root" / "harp" / "notes.txt").write_text("not a video")
    preview = preview_folder(tmp_path / "root", split_method="stratified")
    assert not (tmp_path / "data").exists()
    found = {row.path: {name for name in FINDINGS if getattr(row, name)} for row in preview.findings.itertuples()}
    assert len(found) == 10
    assert found["oboe/4.mp4"] == found["harp/0.mp4"] == {"silent"}
    assert found["oboe/0.mp4"] == set()
    assert preview.skipped["path"].to_list() == ["harp/notes.txt", "viola/only.mp4"]
    assert preview.notes == ["A class is left out: viola has 1 readable video and lacks 2."]
    assert preview.problem == ""
    expected = validation.REPORT_SECONDS + 6 * validation.TRAINING_SECONDS + 2 * validation.TEST_SECONDS
    assert preview.seconds == pytest.approx(expected + 10 * 4 / 60 * validation.DECODING_SECONDS, rel=0.01)
    corpus = corpora.prepare_corpus("mine", "folder", root=str(tmp_path / "root"), split_method="stratified")
    columns = ["video_id", "path", "label", "split"]
    pd.testing.assert_frame_equal(preview.findings[columns], corpus.index[columns])

    stopped = preview_folder(tmp_path / "root", small_classes="error")
    assert "viola has 1 readable video and lacks 2" in stopped.problem
    assert str(tmp_path / "root") in stopped.problem
    assert np.isnan(stopped.seconds)
    assert set(stopped.findings["split"]) == {""}
    with pytest.raises(CorpusError, match="no such folder"):
        preview_folder(tmp_path / "gone")


def test_what_a_report_would_refuse_is_refused_before_any_video_is_looked_at(tmp_path):
    for method in ("groupd", "paper"):
        with pytest.raises(ParameterError, match=f"split: .* folder expected grouped or stratified; got '{method}'"):
            preview_folder(tmp_path, split_method=method)
    with pytest.raises(ParameterError, match=r"root: expected a name in UTF-8 .*; got .*Caf\\xe9$"):
        preview_folder(tmp_path / "Caf\udce9")


def test_counts_a_class_and_split(corpus):
    index, folder = corpus
    index.loc[:2, "split"] = "test"
    counts = count_findings(validate(index, folder)).set_index(["label", "split"])
    assert counts.videos.sum() == len(index)
    for name in FINDINGS:
        assert counts[name].sum() == sum(name in findings for findings in EXPECTED.values())
    assert counts.at[("cello", "test"), "silent"] == 1
    assert counts.at[("banjo", "train"), "silent"] == 1


def test_the_index_and_the_folder_must_be_good(corpus):
    index, folder = corpus
    with pytest.raises(CorpusError, match="no such folder of videos"):
        validate(index, folder / "none")
    with pytest.raises(CorpusError, match="row 1: path must be relative"):
        validate(index.assign(path="../up.mp4"), folder)


def test_an_empty_index_has_an_empty_report(corpus):
    index, folder = corpus
    findings = validate(index[:0], folder)
    assert len(findings) == len(count_findings(findings)) == 0


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        (np.zeros(16_000), True),
        (np.full(16_000, 10 ** (-61 / 20)), True),
        (np.full(16_000, 10 ** (-59 / 20)), False),
        (np.r_[np.zeros(16_000), np.full(1_600, 0.01)], False),  # one loud tenth of a second is enough
        (np.r_[np.zeros(16_000), 0.5], False),
    ],
)
def test_silence(tmp_path, sound, expected):
    soundfile.write(tmp_path / "a.wav", sound, 16_000, subtype="FLOAT")
    index = pd.DataFrame({"video_id": ["a"], "label": "flute", "split": "train", "duration": 1.0, "path": "a.wav"})
    assert validate(index, tmp_path)["silent"].tolist() == [expected]


def test_sound_that_is_not_finite_is_invalid(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.r_[np.zeros(16_000), np.nan], 16_000, subtype="FLOAT")
    index = pd.DataFrame({"video_id": ["a"], "label": "flute", "split": "train", "duration": 1.0, "path": "a.wav"})
    assert validate(index, tmp_path)["invalid"].tolist() == [True]


def test_channels_that_cancel_each_other_are_not_silence(tmp_path):
    """Each channel is loud; of the mean nothing is left."""
    turned = "0.3*sin(2*PI*440*t)|-0.3*sin(2*PI*440*t)"
    sounds = {
        "turned": turned,
        "one_side": "0.3*sin(2*PI*440*t)|0",
        "noise": "random(0)-0.5|random(1)-0.5",
        "none": "0|0",
    }
    for name, expression in sounds.items():
        filmed = (*pictures("testsrc2=s=64x48", 4), *sound(expression, 4))
        ffmpeg(*filmed, "-c:v", "libx264", "-c:a", "aac", tmp_path / f"{name}.mp4")
    index = pd.DataFrame({"video_id": list(sounds), "label": "flute", "split": "train", "duration": 4.0})
    index["path"] = index.video_id + ".mp4"
    found = validate(index, tmp_path).set_index("video_id")
    assert found.index[found.cancelling].tolist() == ["turned"]
    assert found.index[found.silent].tolist() == ["none"]
    assert is_usable(found).all()


@pytest.mark.parametrize("seconds", [2, 5])
def test_a_recording_that_says_nothing_of_its_duration_is_too_short_only_where_it_is(tmp_path, seconds):
    filmed = (*pictures("testsrc2=s=64x48", seconds), *sound("0.3*sin(2*PI*440*t)", seconds))
    codecs = ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-f", "webm", "-live", 1)
    ffmpeg(*filmed, *codecs, tmp_path / "live.webm")
    index = pd.DataFrame(
        {"video_id": ["live"], "label": "flute", "split": "train", "path": "live.webm", "duration": 1.0}
    )
    assert validate(index, tmp_path).too_short.tolist() == [seconds < 3]


def test_a_file_whose_data_are_zeros_is_invalid(tmp_path):
    filmed = (*pictures("testsrc2=s=64x48", 4), *sound("0.3*sin(2*PI*440*t)", 4))
    ffmpeg(*filmed, "-c:v", "libx264", "-c:a", "aac", tmp_path / "zeros.mp4")
    content = bytearray((tmp_path / "zeros.mp4").read_bytes())
    place = content.index(b"mdat")
    length = int.from_bytes(content[place - 4 : place], "big") - 8
    content[place + 4 : place + 4 + length] = bytes(length)
    (tmp_path / "zeros.mp4").write_bytes(content)
    index = pd.DataFrame(
        {"video_id": ["zeros"], "label": "flute", "split": "train", "path": "zeros.mp4", "duration": 4.0}
    )
    (found,) = validate(index, tmp_path).itertuples()
    assert found.invalid
    assert "zeros.mp4: sound cannot be decoded" in found.note


def test_stillness_looks_no_further_than_the_first_change():
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
    flicker = np.clip(scene.astype(int) + rng.integers(-1, 2, scene.shape), 0, 255).astype(np.uint8)
    assert is_still(iter([scene, flicker, scene]))
    assert is_still(iter([scene]))
    frames = iter([scene, flicker, np.roll(scene, 3, axis=0), scene])
    assert not is_still(frames)
    assert len(list(frames)) == 1
