"""A toy source and a toy audio network of one package from outside go the whole way; no module here knows of them."""

import dataclasses

import numpy as np
import outside
import pytest
import toy_architecture
from tiny_videos import TONES

from instrec_utils import corpora, models, provenance
from instrec_utils.features import extraction, store
from instrec_utils.models.architecture import audio_inputs
from instrec_utils.report import elements, page, results, tables
from instrec_utils.robustness import networks
from instrec_utils.robustness.degradation import CONDITIONS
from instrec_utils.training import runs
from instrec_utils.training.experiments import train_run
from instrec_utils.training.result_files import read_predictions

SOURCE = """
from tiny_videos import write_tones

from instrec_utils.corpora.index import write_index
from instrec_utils.corpora.source import Source


def write_toys(options):
    index = write_tones(options.corpus_dir, train=3, validation=2, test=2)
    write_index(index, options.corpus_dir / "index.csv")
    return options.corpus_dir


SOURCE = Source(
    name="toys",
    title="Toy tones",
    summary="Toys.",
    nature="Each video is a tone.",
    licence="CC0.",
    citation="Nobody (2026).",
    build=write_toys,
)
"""
ENTRY_POINTS = toy_architecture.entry_points() | {"instrec.sources": {"toys": "toy_source:SOURCE"}}


@pytest.fixture
def toys(home):
    """The corpus of the toy source and the toy network's run on it, both of an installed package."""
    modules = toy_architecture.modules() | {"toy_source": SOURCE}
    with outside.installed(home / "site", "toys", modules, ENTRY_POINTS):
        assert "toys" in corpora.sources()
        assert "toy" in models.architectures("audio")
        corpora.prepare_corpus("toys", "toys")
        assert len(extraction.extract_features(corpora.read_corpus("toys"), num_workers=1)) == 0
        corpus = corpora.read_corpus("toys")
        run = runs.audio_run(corpus, audio_model="toy", segmentation="centre", audio_max_epochs=1)
        train_run(run)
        yield corpus, run
    assert "toys" not in corpora.sources()
    assert "toy" not in models.architectures()


@pytest.mark.slow
def test_a_toy_corpus_and_a_toy_network_go_the_whole_way(toys):
    corpus, run = toys
    _is_extracted_and_trained(corpus, run)
    _is_in_the_tables(run)
    _is_on_the_pages(corpus, run)
    _is_measured_under_noise(corpus, run)


def _is_extracted_and_trained(corpus, run):
    assert (corpus.source, corpus.split_method, corpus.labels) == ("toys", "", sorted(TONES))
    assert corpus.index["split"].value_counts().to_dict() == {"train": 6, "validation": 4, "test": 4}
    settings = audio_inputs()["toy_centre"].settings
    assert (settings.sample_rate, settings.n_mels) == (8_000, 20)
    stored = store.load_input(corpus.directory / "features", "test-high-1", run.audio_input)
    assert stored.shape == (20, 63)
    assert run.is_done()
    assert read_predictions(run.result_path)["video_id"].tolist() == corpus.split("test")["video_id"].tolist()


def _is_in_the_tables(run):
    found = results.read_results("toys")
    row = results.one_result(found, run.name)
    assert (row["corpus"], row["model"], row["epochs"], row["num_test"]) == ("toys", "toy", 1, 4)
    assert not row["is_published"]
    (line,) = tables.table3(found).to_dict("records")
    assert line["Model"] == "Toy network"
    assert line["Other settings"] == "at most 1 epoch"
    (cost,) = tables.costs(found, row["profile"]).to_dict("records")
    assert (cost["name"], cost["kind"]) == ("Toy network", "audio")
    assert (cost["value"], cost["multiply_adds"]) == (100 * row["hit_at_1"], 20 * 8 + 8 * 2)


def _is_on_the_pages(corpus, run):
    note = page.corpus_note(corpus).data
    assert "<strong>Toys.</strong> Each video is a tone. 2 classes; videos: 6 train, 4 validation, 4 test." in note
    shown = page.settings(run).data
    assert shown.count("<td>Toy network</td>") == 2
    assert all(f"<td>{text}</td>" in shown for text in ("centre", "Adam", "1 epoch"))
    assert shown.count("<td>none</td>") == 2  # of warm-up, whatever the profile
    found = results.read_results("toys")
    assert f'<a href="../results/toys/{run.name}.json">{run.name}</a>' in page.provenance(found).data
    index = elements.index_provenance(corpus).data
    assert "Toy tones" in index
    assert f"14 videos, sha256 {provenance.index_sha256(corpus.usable)[:12]}" in index
    assert found["index_sha256"].tolist() == [provenance.index_sha256(corpus.usable)]


def _is_measured_under_noise(corpus, run):
    """Noise asks the visual run of a fusion for nothing, so one that is not trained will do."""
    noise = next(one for one in CONDITIONS if one.name == "noise")
    noise = dataclasses.replace(noise, levels=(200, noise.levels[-1]))
    degraded = networks.Networks(run, runs.visual_run(corpus), seed=1)
    predicted = read_predictions(run.result_path)[corpus.labels].to_numpy()
    faint, loud = (degraded.outputs(noise, ratio) for ratio in noise.levels)
    assert faint["audio"].shape == (4, 8)
    np.testing.assert_allclose(faint["audio_scores"], predicted, atol=0.01)
    assert np.abs(loud["audio_scores"] - predicted).max() > 0.01
