"""What the benchmarks measure is what they say, and what they write loses nothing that was measured before."""

import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from instrec_utils import corpora, files, models, paths, provenance
from instrec_utils.models import choi2016, xception_audio

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
HELD_BYTES = 10**9


@pytest.fixture
def benchmark(monkeypatch):
    """Import a module of the folder benchmarks by its name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield __import__
    for path in BENCHMARKS.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def held():
    """Memory that this process holds while it starts others."""
    return np.ones(HELD_BYTES, np.uint8)


def test_the_peak_of_a_process_is_its_own_whatever_held_the_one_that_started_it(held):
    command = [sys.executable, "-c", "import measuring; print(measuring.peak_bytes())"]
    done = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert 10**6 < int(done.stdout) < len(held) / 4


def test_a_joined_vector_is_as_long_as_the_networks_give_it(benchmark):
    embedding = models.build("choi2016", 2).get_layer("embedding")
    joined = benchmark("paper_rows").NETWORKS["late_fusion, 20 frames"]
    assert joined["audio_features"] == embedding.units == choi2016.EMBEDDING_SIZE == xception_audio.EMBEDDING_SIZE
    assert joined["frame_features"] == models.architecture_named("inception_frames").embedding_size


@pytest.mark.slow
def test_the_peak_of_an_extractions_workers_is_their_own(benchmark, held, videos, tmp_path, capsys):
    benchmark("extraction").print_peaks(videos["both"], 2, tmp_path)
    peaks = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert peaks["errors"] == 0
    assert 10**8 < peaks["worker"] < len(held) < peaks["main"]


def test_the_processors_time_of_the_index_is_that_of_its_steps_and_of_nothing_between_them(
    benchmark, home, monkeypatch
):
    videos = [f"-y{number}_{label}" for number in range(9) for label in range(13)]
    rows = "".join(f"{video_id},{video_id.rpartition('_')[2]}\n" for video_id in videos)
    files.write_text(home / "yt8m_dataset.csv", rows)
    files.write_bytes(home / "yt8m_auxinfo.pkl", pickle.dumps(dict.fromkeys(videos, (60.0, 25)), 2))
    curation, temporary = benchmark("curation"), tempfile.TemporaryDirectory
    monkeypatch.setattr(curation.published, "locate_lists", lambda: home)
    clock, taken = time.process_time, []

    def slow_folder():  # takes a minute of the processor's
        taken.append(60)
        return temporary()

    monkeypatch.setattr(curation.tempfile, "TemporaryDirectory", slow_folder)
    monkeypatch.setattr(curation.time, "process_time", lambda: clock() + sum(taken))
    found = curation.measure_index()
    assert taken
    assert found["videos"] == len(videos)
    assert 0 < found["cpu_seconds"] < 60


@pytest.fixture
def extraction(benchmark, home, monkeypatch):
    """The benchmark of the extraction in a fresh checkout, where films are not made and 60,000 videos take 7 s."""
    (home / "results").symlink_to(ROOT / "results")
    module = benchmark("extraction")
    monkeypatch.setattr(module, "make_films", lambda *_: ({}, {}))
    monkeypatch.setattr(module, "write_film", lambda *_: None)
    monkeypatch.setattr(module, "measure_scheduling", lambda _: {"value": 7.0, "videos": 60_000, "seconds": 7.0})
    monkeypatch.setattr(module, "measure_memory", lambda *_: {"value": 1.5})
    return module


def measure(module, monkeypatch, *arguments):
    """Call a benchmark as a terminal does."""
    monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, arguments)])
    module.main()


def test_a_section_of_the_extraction_that_is_measured_alone_keeps_the_published_others(extraction, home, monkeypatch):
    published = json.loads((home / "results/benchmarks/extraction.json").read_text())
    measure(extraction, monkeypatch, "scheduling")
    found = json.loads((home / "runs/benchmarks/results/extraction.json").read_text())
    own = found["measured"].pop("scheduling_seconds")
    assert own["value"] == found["ratios"].pop("scheduling_seconds") == 7.0
    assert own["commit"] == provenance.commit()
    del published["measured"]["scheduling_seconds"], published["ratios"]["scheduling_seconds"]
    assert found == published
    page = (home / "runs/benchmarks/pages/extraction.md").read_text()
    assert {section["commit"] for section in (own, *published["measured"].values())} <= set(
        page.replace("|", "").split()
    )


def test_a_tiny_measurement_of_the_extraction_has_a_file_of_its_own_that_is_never_published(
    extraction, home, monkeypatch
):
    measure(extraction, monkeypatch, "--tiny", "memory")
    measure(extraction, monkeypatch, "--tiny", "scheduling")
    found = json.loads((home / "runs/benchmarks/extraction-tiny.json").read_text())
    assert found["ratios"] == {"memory_growth": 1.5, "scheduling_seconds": 7.0}
    assert found["is_tiny"]
    assert not paths.working_results_dir("benchmarks").exists()


def test_a_whole_measurement_takes_nothing_from_a_tiny_one(extraction, home, monkeypatch):
    measure(extraction, monkeypatch, "--tiny", "memory", "--output", home / "one.json")
    measure(extraction, monkeypatch, "scheduling", "--output", home / "one.json")
    assert json.loads((home / "one.json").read_text())["ratios"] == {"scheduling_seconds": 7.0}


def test_a_film_is_kept_by_its_length_and_not_when_it_was_interrupted(benchmark, tmp_path, monkeypatch):
    extraction = benchmark("extraction")
    monkeypatch.setattr(extraction, "CODECS", {"h264": extraction.CODECS["h264"]})
    monkeypatch.setattr(extraction, "DISTANCES", {"short": 30})
    pictures = extraction.pictures

    def interrupted(num_frames):
        yield next(pictures(num_frames))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(extraction, "pictures", interrupted)
        with pytest.raises(KeyboardInterrupt):
            extraction.make_films(tmp_path, 1)
    assert not list(tmp_path.iterdir())
    written = []
    for minute in (1, 2, 1):
        short, long = extraction.make_films(tmp_path, minute)
        for (film, seconds), length in ((*short.values(), minute), (*long.values(), 4 * minute)):
            assert seconds == length
            assert extraction.media.probe(film).duration == pytest.approx(length, abs=0.2)
        written.append({film: film.stat().st_mtime_ns for film, _ in (*short.values(), *long.values())})
    assert written[2] == written[0]
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.slow
@pytest.mark.parametrize("device", [provenance.device(), "another"])
def test_work_of_a_training_that_is_measured_alone_keeps_the_published_other_of_the_same_machine(
    benchmark, home, monkeypatch, device
):
    training = benchmark("training")
    row = {"seconds": {"loaded": 1.0}, "ratio": 1.0, "cpu_ratio": 1.0, "loaded_a_second_a_core": 9.0}
    published = {"corpus": "open", "limit_ratio": training.LIMIT, "backend": "tensorflow", "device": device}
    published |= {"versions": provenance.versions(), "work": {"segments": row, "fusion": row}}
    files.write_json(home / "results/benchmarks/training.json", published)
    monkeypatch.setattr(corpora, "read_corpus", lambda name: corpora.Corpus(name, "folder", home, home, None))
    monkeypatch.setattr(training, "measure", lambda *_: row | {"ratio": 1.05})
    measure(training, monkeypatch, "--work", "fusion")
    work = json.loads((home / "runs/benchmarks/results/training.json").read_text())["work"]
    kept = {"segments": 1.0} if device == provenance.device() else {}
    assert {name: one["ratio"] for name, one in work.items()} == kept | {"fusion": 1.05}
