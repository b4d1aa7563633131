import dataclasses
import hashlib
import shutil
import subprocess
import tarfile

import pandas as pd
import pytest
from tiny_features import write_features

from instrec_utils import files, paths, release
from instrec_utils.corpora import Corpus
from instrec_utils.errors import RunError
from instrec_utils.training import runs
from instrec_utils.training.result_files import NEEDED


@pytest.fixture
def corpus(home):
    """A prepared corpus with one finished run and one result whose weights are gone."""
    directory = home / "data" / "tiny"
    index = pd.DataFrame({"video_id": ["a"], "label": ["x"], "split": ["test"], "path": ["a.mp4"], "duration": [1.0]})
    corpus = Corpus("tiny", "demo", directory, directory, index)
    for name in (
        "index.csv",
        "source.json",
        "groups.csv",
        "notes.json",
        "features/errors.csv",
        "features/.half.h5",
        "embeddings/net/a.h5",
        "videos/a.mp4",
    ):
        files.write_text(directory / name, name)
    write_features(directory / "features" / "a.h5")
    for seed in (1, 2):
        run = runs.visual_run(corpus, num_frames=2, seed=seed)
        content = dict.fromkeys(NEEDED) | run.settings | {"run": run.name, "run_sha256": run.key}
        files.write_json(run.result_path, content)
        if seed == 1:
            files.write_text(run.weights, "weights")
            files.write_json(run.directory / "run.json", run.trained_on)
    return corpus


def names_in(path):
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_the_archive_fits_a_checkout_and_its_checksums_hold(corpus, tmp_path):
    path = release.write_release(corpus, tmp_path / "release")
    names = names_in(path)
    assert {"data/tiny/index.csv", "data/tiny/features/a.h5", "data/tiny/embeddings/net/a.h5"} <= set(names)
    assert {"data/tiny/groups.csv", "data/tiny/notes.json", "data/tiny/features/errors.csv"} <= set(names)
    assert sum(name.endswith("best.keras") for name in names) == 1
    assert sum(name.startswith("runs/tiny/results/") for name in names) == 2
    assert not any("videos" in name or "/." in name for name in names)
    other = tmp_path / "other"
    other.mkdir()
    with tarfile.open(path) as archive:
        archive.extractall(other, filter="data")
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS-tiny"], cwd=other, check=True)
    stated = path.with_suffix(".tar.sha256").read_text().split()
    assert stated == [hashlib.sha256(path.read_bytes()).hexdigest(), path.name]


def test_the_same_files_give_the_same_archive(corpus, tmp_path):
    first = release.write_release(corpus, tmp_path / "one").read_bytes()
    assert release.write_release(corpus, tmp_path / "two").read_bytes() == first


def test_pictures_of_others_stay_out(corpus, tmp_path):
    names = names_in(release.write_release(dataclasses.replace(corpus, source="open"), tmp_path))
    assert not any("features" in name for name in names if not name.endswith("errors.csv"))
    assert any("embeddings" in name for name in names)


def test_nothing_to_release(corpus, tmp_path):
    for path in paths.runs_dir("tiny").rglob("best.keras"):
        path.unlink()
    with pytest.raises(RunError, match="no finished run with its weights; train the models first"):
        release.write_release(corpus, tmp_path)
    assert not list(tmp_path.glob("*.tar"))


def test_data_outside_the_checkout(corpus, tmp_path, monkeypatch):
    monkeypatch.setenv("INSTREC_HOME", str(tmp_path / "elsewhere"))
    shutil.copytree(tmp_path / "runs", tmp_path / "elsewhere" / "runs")
    with pytest.raises(RunError, match=r"expected data inside .*elsewhere"):
        release.write_release(corpus, tmp_path)
