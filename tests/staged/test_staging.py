import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from distributed import Client
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

from instrec_corpora import staging
from instrec_corpora.staging import Clip
from instrec_utils import cluster
from instrec_utils.config import Conditions
from instrec_utils.errors import CorpusError, MediaError, ParameterError

COLOURS = ((200, 40, 40), (40, 180, 60), (30, 60, 210))  # one a second


def colour_at(time):
    return np.full((48, 64, 3), COLOURS[int(time) % 3], np.uint8)


def tone(seconds, frequency=440.0):
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * 44_100)) / 44_100)).astype(np.float32)


def make_clip(number, **changes):
    clip = Clip(
        video_id=f"clip-{number}",
        label="violin",
        split="train",
        path=f"videos/violin/clip-{number}.mp4",
        duration=1.0,
        picture="clear",
        sound="clear",
        picture_source="real",
        sound_source="real",
        sources="a;b",
        companion="",
    )
    return replace(clip, **changes)


def render_plain(clip, corpus_dir):
    with (corpus_dir / "calls.txt").open("a") as log:
        log.write(f"{clip.video_id}\n")
    if clip.picture == "broken":
        raise ValueError("broken on purpose")
    sound = None if clip.sound == "silent" else tone(clip.duration)
    staging.write_clip(corpus_dir / clip.path, colour_at, clip.duration, sound)


def render(clips, corpus_dir, **options):
    """Render and return the ids that were rendered for it."""
    corpus_dir.mkdir(exist_ok=True)
    log = corpus_dir / "calls.txt"
    log.write_text("")
    staging.render_all(clips, partial(render_plain, corpus_dir=corpus_dir), corpus_dir, 2, **options)
    return sorted(log.read_text().split())


@pytest.fixture
def in_threads(monkeypatch):
    """Workers as threads of this process, which start at once."""

    @contextlib.contextmanager
    def connect(scheduler, num_workers):
        with Client(processes=False, n_workers=num_workers, threads_per_worker=1, dashboard_address=":0") as client:
            yield client

    monkeypatch.setattr(cluster, "connect", connect)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    path = tmp_path_factory.mktemp("sample") / "sample.mp4"
    staging.write_clip(path, colour_at, 3.0, tone(3.0))
    return path


def test_written_clip_decodes_to_its_pictures_and_sound(sample):
    with av.open(str(sample)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.codec_context.width, video.codec_context.height) == (64, 48)
        assert (audio.codec_context.name, audio.codec_context.sample_rate, audio.channels) == ("aac", 44_100, 1)
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video)]
    assert len(pictures) == 36
    for second, colour in enumerate(COLOURS):
        np.testing.assert_allclose(pictures[12 * second + 6].mean(axis=(0, 1)), colour, atol=12)
    with av.open(str(sample)) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert abs(len(sound) / 44_100 - 3.0) < 0.05
    spectrum = np.abs(np.fft.rfft(sound[:88_200] * np.hanning(88_200)))
    assert abs(np.argmax(spectrum) / 2 - 440) < 1
    assert abs(sound[10_000:80_000].std() - 0.5 / np.sqrt(2)) < 0.02


def test_written_clip_can_be_played_before_it_is_loaded(sample):
    content = sample.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_same_input_same_bytes_under_any_name(tmp_path, sample):
    again = tmp_path / "another name.mp4"
    staging.write_clip(again, colour_at, 3.0, tone(3.0))
    assert again.read_bytes() == sample.read_bytes()
    assert os.listdir(tmp_path) == [again.name]


def test_clip_without_sound_has_no_sound_stream(tmp_path):
    path = tmp_path / "deep" / "mute.mp4"
    staging.write_clip(path, colour_at, 1.0, None, frame_rate=6.0)
    with av.open(str(path)) as container:
        assert not container.streams.audio
        assert container.streams.video[0].frames == 6
    assert staging.is_whole(path, 1.0, has_sound=False)
    assert not staging.is_whole(path, 1.0)


@pytest.mark.parametrize(
    ("duration", "sound", "message"),
    [(0.0, None, "positive"), (1.0, np.zeros((10, 2), np.float32), "mono")],
)
def test_bad_clip_is_refused(tmp_path, duration, sound, message):
    with pytest.raises(ParameterError, match=message):
        staging.write_clip(tmp_path / "x.mp4", colour_at, duration, sound)


def test_odd_side_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="63 x 48"):
        staging.write_clip(tmp_path / "x.mp4", lambda time: colour_at(time)[:, :63], 1.0, None)


def test_failure_while_writing_keeps_the_former_file(tmp_path, sample):
    path = tmp_path / "x.mp4"
    shutil.copy(sample, path)

    def stops(time):
        if time > 0.5:
            raise RuntimeError("stopped")
        return colour_at(time)

    with pytest.raises(RuntimeError, match="stopped"):
        staging.write_clip(path, stops, 3.0, tone(3.0))
    assert path.read_bytes() == sample.read_bytes()
    assert os.listdir(tmp_path) == ["x.mp4"]


def test_a_file_that_the_encoder_cut_short_is_not_taken(tmp_path, monkeypatch):
    class FullDisk(FFMPEG_VideoWriter):
        def close(self):
            super().close()
            Path(self.filename).write_bytes(Path(self.filename).read_bytes()[:-500])

    monkeypatch.setattr(staging, "FFMPEG_VideoWriter", FullDisk)
    with pytest.raises(MediaError, match="incomplete"):
        staging.write_clip(tmp_path / "x.mp4", colour_at, 3.0, tone(3.0))
    assert os.listdir(tmp_path) == []


@given(share=st.floats(0, 1, exclude_max=True))
@settings(max_examples=40, deadline=None)
def test_a_cut_file_is_never_whole(sample, share):
    content = sample.read_bytes()
    cut = sample.with_name("cut.mp4")
    cut.write_bytes(content[: int(share * len(content))])
    assert not staging.is_whole(cut, 3.0)


def test_a_file_of_another_duration_is_not_whole(sample):
    assert staging.is_whole(sample, 3.0)
    assert not staging.is_whole(sample, 4.0)
    assert not staging.is_whole(sample.with_name("missing.mp4"), 3.0)


@given(
    num_clips=st.integers(0, 200),
    seed=st.integers(0, 2**32),
    picture=st.lists(st.integers(1, 20), min_size=3, max_size=6),
    sound=st.lists(st.integers(1, 20), min_size=3, max_size=6),
)
@settings(max_examples=100, deadline=None)
def test_conditions_keep_their_shares(num_clips, seed, picture, sound):
    def shares(weights, first):
        return {name: w / sum(weights) for name, w in zip((first, "b", "c", "d", "e", "f"), weights, strict=False)}

    conditions = Conditions(picture=shares(picture, "absent"), sound=shares(sound, "silent"))
    share_of_both = conditions.picture["absent"] + conditions.sound["silent"]
    assume(share_of_both * num_clips <= num_clips - 2 or num_clips == 0)  # rounding adds less than one to each
    pairs = staging.draw_conditions(num_clips, conditions, np.random.default_rng(seed))
    assert len(pairs) == num_clips
    assert ("absent", "silent") not in pairs
    for declared, drawn in zip((conditions.picture, conditions.sound), zip(*pairs, strict=True), strict=False):
        counts = Counter(drawn)
        assert all(abs(counts[name] - share * num_clips) < 1 + 1e-6 for name, share in declared.items())
    assert pairs == staging.draw_conditions(num_clips, conditions, np.random.default_rng(seed))


def test_conditions_are_drawn_independently():
    pairs = staging.draw_conditions(20_000, Conditions(), np.random.default_rng(1))
    in_sight = [pair for pair in pairs if pair[0] != "absent" and pair[1] != "silent"]
    table = pd.crosstab(*np.array(in_sight).T)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(in_sight)
    assert (np.abs(table - expected) < 6 * np.sqrt(expected)).all(axis=None)


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(picture={"absent": 0.7, "clear": 0.3}, sound={"silent": 0.7, "clear": 0.3}),
        Conditions(picture={"absent": 0.5, "clear": 0.4}),
        Conditions(sound={"silent": -0.5, "clear": 1.5}),
    ],
)
def test_shares_that_cannot_be_kept_are_refused(conditions):
    with pytest.raises(ParameterError):
        staging.draw_conditions(10, conditions, np.random.default_rng(0))


def test_rendering_resumes_and_renders_only_what_differs(tmp_path, in_threads, capsys):
    clips = [make_clip(number) for number in range(3)] + [make_clip(3, sound="silent")]
    corpus = tmp_path / "corpus"
    assert render(clips, corpus) == [f"clip-{number}" for number in range(4)]
    progress = capsys.readouterr()
    assert "4/4" in progress.err
    assert progress.out == ""
    index = staging.read_index(corpus)
    assert list(index.video_id) == [clip.video_id for clip in clips]
    assert list(index.companion) == [""] * 4

    assert render(clips, corpus) == []
    (corpus / clips[1].path).unlink()
    whole = (corpus / clips[2].path).read_bytes()
    (corpus / clips[2].path).write_bytes(whole[:-50])
    assert render(clips, corpus) == ["clip-1", "clip-2"]

    changed = [clips[0], make_clip(1, sources="c"), make_clip(9)]  # one as it was, one changed, one new, two gone
    assert render(changed, corpus) == ["clip-1", "clip-9"]
    assert sorted(path.name for path in corpus.rglob("*.mp4")) == ["clip-0.mp4", "clip-1.mp4", "clip-9.mp4"]
    assert list(staging.read_index(corpus).sources) == ["a;b", "c", "a;b"]

    assert render(changed, corpus, configuration={"seed": 2}) == ["clip-0", "clip-1", "clip-9"]


@pytest.mark.parametrize("notes", [b"", b'{"videos/violin/clip-0.mp4": "0a', b"\xff", b"[1]", b"null"])
def test_all_is_rendered_again_where_nobody_knows_from_what(tmp_path, in_threads, notes):
    clips, corpus = [make_clip(0), make_clip(1)], tmp_path / "corpus"
    render(clips, corpus)
    whole = (corpus / "corpus.json").read_bytes()
    (corpus / "corpus.json").write_bytes(notes)
    assert render(clips, corpus) == ["clip-0", "clip-1"]
    assert (corpus / "corpus.json").read_bytes() == whole
    assert list(staging.read_index(corpus).video_id) == ["clip-0", "clip-1"]
    assert render(clips, corpus) == []


def test_there_is_no_index_before_every_clip_is_there(tmp_path, in_threads):
    corpus = tmp_path / "corpus"
    render([make_clip(0)], corpus)
    with pytest.raises(ValueError, match="broken on purpose"):
        render([make_clip(0), make_clip(1, picture="broken")], corpus)
    assert not (corpus / "index.csv").exists()
    assert (corpus / make_clip(0).path).exists()


def test_bad_calls_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="num_workers"):
        staging.render_all([make_clip(0)], print, tmp_path, -1)
    with pytest.raises(CorpusError, match="unique"):
        staging.render_all([make_clip(0), make_clip(0)], print, tmp_path, 1)


@pytest.mark.slow
def test_killed_rendering_leaves_only_whole_files(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import sys
        from functools import partial
        from pathlib import Path

        import numpy as np

        from instrec_corpora import staging


        def grey_at(time):
            return np.full((48, 64, 3), int(time), np.uint8)


        def render_one(clip, corpus_dir):
            staging.write_clip(corpus_dir / clip.path, grey_at, clip.duration, np.zeros(441_000, np.float32))


        if __name__ == "__main__":
            corpus = Path(sys.argv[1])
            names = [f"clip-{number}" for number in range(200)]
            rest = ("real", "real", "", "")
            clips = [staging.Clip(n, "a", "train", f"videos/{n}.mp4", 10.0, "clear", "clear", *rest) for n in names]
            staging.render_all(clips, partial(render_one, corpus_dir=corpus), corpus, 2)
        """)
    )
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    process = subprocess.Popen(
        [sys.executable, str(script), str(corpus)], start_new_session=True, stderr=subprocess.PIPE
    )
    try:
        for line in iter(partial(process.stderr.read, 40), b""):
            if len(list(corpus.rglob("*.mp4"))) >= 3:
                break
            assert b"Error" not in line
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()
    there = list(corpus.rglob("*.mp4"))
    assert 3 <= len(there) < 200
    assert all(staging.is_whole(path, 10.0) for path in there)
    assert not (corpus / "index.csv").exists()
