import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from tiny_videos import tone, write_video

from instrec_utils import evaluation, files, models, paths
from instrec_utils.config import CROP_SIZE
from instrec_utils.corpora import Corpus
from instrec_utils.errors import RunError
from instrec_utils.features import embeddings, extraction
from instrec_utils.features import store as features
from instrec_utils.inputs import frames
from instrec_utils.models.architecture import audio_inputs
from instrec_utils.report import figures as plots
from instrec_utils.report import robustness as shown
from instrec_utils.robustness import degradation
from instrec_utils.robustness import measurement as robustness
from instrec_utils.robustness.comparison import compare_fusions
from instrec_utils.robustness.degradation import AS_IS, CONDITIONS
from instrec_utils.robustness.networks import Networks
from instrec_utils.training import runs
from instrec_utils.training.result_files import NEEDED, predictions_path, read_predictions

LABELS = ["cello", "flute", "organ"]
K = 4
BY_NAME = {one.name: one for one in CONDITIONS}


def build_backbone(_="tiny"):
    """Embeddings of the mean colours of sixteen fields of a picture, and of how much they vary."""
    inputs = keras.Input((CROP_SIZE, CROP_SIZE, 3))
    x = keras.layers.Rescaling(1 / 128, offset=-1)(inputs)
    x = keras.layers.AveragePooling2D(56)(x)
    return keras.Model(inputs, keras.layers.Flatten(name="embedding")(x))


def audio_model():
    inputs = keras.Input((96, 1366))
    x = keras.layers.Rescaling(0.02, offset=1)(keras.layers.Permute((2, 1))(inputs))
    x = keras.layers.Dense(8, activation="tanh", name="embedding")(keras.layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="scores")(x))


def visual_model():
    inputs = keras.Input((48,))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="scores")(inputs))


def trained_network():
    """A whole network whose embedding is another one than that of `build_backbone`."""
    inputs = keras.Input((CROP_SIZE, CROP_SIZE, 3))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(56)(keras.layers.Rescaling(1 / 255)(inputs)))
    x = keras.layers.Dense(48, activation="tanh", name="embedding")(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="scores")(x))


def late_fusion(form="text"):
    options = {"num_frames": K, "frame_features": 48, "audio_features": 8, "form": form}
    return models.build("late_fusion", 3, **options)


def make_corpus(directory):
    """Six test videos: four whole, one without sound, one without pictures."""
    generator = np.random.default_rng(5)
    rows = []
    for number, name in enumerate(("a-whole", "b-whole", "c-whole", "d-whole", "silent", "unseen")):
        picture = generator.integers(0, 256, (6, 8, 3), dtype=np.uint8).repeat(16, axis=0).repeat(16, axis=1)
        sound = np.stack([tone(3, 44_100, 300 * (number + 1)), tone(3, 44_100, 2000, 0.1)])
        directory.mkdir(exist_ok=True, parents=True)
        write_video(
            directory / f"{name}.mp4",
            times=[] if name == "unseen" else np.arange(30) / 10,
            picture=picture,
            sound=None if name == "silent" else sound,
        )
        rows.append((name, LABELS[number % 3], "test", f"{name}.mp4", 3.0))
    rows.append(("other", "organ", "train", "other.mp4", 3.0))
    index = pd.DataFrame(rows, columns=["video_id", "label", "split", "path", "duration"])
    corpus = Corpus("tiny", "folder", directory, directory, index)
    for row in corpus.split("test").itertuples():
        path = features.features_path(directory / "features", row.video_id)
        extraction.extract_video(features.Video(row.video_id, directory / row.path, path))
    shutil.copy(path, features.features_path(directory / "features", "other"))
    return corpus


def inputs_of(corpus):
    """What the networks are given of each test video, put together without the module under test."""
    store, backbone = corpus.directory / "features", build_backbone()
    sounds, embedded = [], []
    for video_id in corpus.split("test").video_id:
        sounds.append(features.load_input(store, video_id, audio_inputs()["choi2016_uc"]))
        pictures = features.read_frames(features.features_path(store, video_id))
        shown = frames.central_crop(pictures).astype(np.float32)
        values = backbone.predict(shown, verbose=0) if len(shown) else np.zeros((1, 48))
        chosen = (np.arange(K) + 0.5) * len(values) / K
        embedded.append(values[chosen.astype(int)].astype(np.float16).astype(np.float32))
    return np.stack(sounds), np.stack(embedded)


def add_run(run, model, scores):
    """Write what a finished training leaves."""
    files.write_json(run.directory / "run.json", run.trained_on)
    with files.whole(run.weights) as temporary:
        model.save(temporary)
    table = run.corpus.split("test")
    table = evaluation.predictions_table(table["video_id"], run.corpus.targets(table), scores, LABELS)
    for split in ("validation", "test"):
        files.write_text(predictions_path(run.result_path, split), table.to_csv(index=False))
    content = dict.fromkeys(NEEDED) | run.settings | {"run": run.name, "run_sha256": run.key, "num_test": len(table)}
    files.write_json(run.result_path, content)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A corpus with finished runs, all fusions measured."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSTREC_HOME", str(home))
        patch.setenv("INSTREC_DATA", str(home / "data"))
        patch.setattr(embeddings, "build_backbone", build_backbone)
        patch.setattr(evaluation, "NUM_RESAMPLES", 20)
        keras.utils.set_random_seed(3)
        corpus = make_corpus(paths.data_dir() / "tiny")
        sounds, embedded = inputs_of(corpus)
        audio = runs.audio_run(corpus, seed=1)
        visual = runs.visual_run(corpus, num_frames=K, seed=1)
        heard, seen = audio_model(), visual_model()
        heard_scores = heard.predict(sounds, verbose=0)
        seen_scores = seen.predict(embedded.reshape(-1, 48), verbose=0).reshape(-1, K, 3).mean(axis=1)
        add_run(audio, heard, heard_scores)
        add_run(visual, seen, seen_scores)
        embedding = keras.Model(heard.input, heard.get_layer("embedding").output).predict(sounds, verbose=0)
        is_heard = np.array([video_id != "silent" for video_id in corpus.split("test").video_id])
        sound = embedding * is_heard[:, None]
        is_seen = np.array([video_id != "unseen" for video_id in corpus.split("test").video_id])
        given = {"frames": embedded, "audio": sound}
        given |= {"audio_scores": heard_scores * is_heard[:, None], "visual_scores": seen_scores * is_seen[:, None]}
        fusions = []
        for form, modality_dropout in (("text", 0.0), ("text", 0.3), ("attention", 0.3), ("weighted", 0.0)):
            late = late_fusion(form)
            variant = {"fusion_form": form, "modality_dropout": modality_dropout}
            run = runs.fusion_run(corpus, audio=audio, visual=visual, seed=1, **variant)
            add_run(run, late, late.predict({one.name: given[one.name] for one in late.inputs}, verbose=0))
            fusions.append((run, late))
        before = digests(corpus.directory)
        for run, _ in fusions:
            robustness.measure_run(run, seed=7)
        yield {
            "corpus": corpus,
            "audio": audio,
            "visual": visual,
            "fusions": fusions,
            "sound": sound,
            "embedded": embedded,
            "seen": seen,
            "before": before,
        }


def digests(directory):
    return {path: files.sha256_of_file(path) for path in sorted(directory.rglob("*")) if path.is_file()}


def fusion_name(world, number=0):
    return world["fusions"][number][0].name


def names_of(world):
    return {kind: fusion_name(world, number) for number, kind in enumerate(("fusion", "dropout", "attention"))}


def measured_of(world):
    return {kind: robustness.read_measurement("tiny", name) for kind, name in names_of(world).items()}


def scores_at(world, condition, level, model):
    table = robustness.read_measured_predictions("tiny", fusion_name(world))
    rows = table[(table.condition == condition) & (table.level == str(level)) & (table.model == model)]
    return rows[LABELS].to_numpy()


def networks(world):
    return Networks(world["audio"], world["visual"], seed=7)


def test_no_condition_changes_the_corpus(world):
    assert digests(world["corpus"].directory) == world["before"]


def test_videos_as_they_are_have_the_runs_own_predictions(world):
    for model, run in {"audio": world["audio"], "visual": world["visual"], "fusion": world["fusions"][0][0]}.items():
        own = read_predictions(run.result_path)[LABELS].to_numpy()
        np.testing.assert_allclose(scores_at(world, "none", "as is", model), own, atol=1e-4)
    own = read_predictions(world["audio"].result_path)[LABELS].to_numpy()
    np.testing.assert_allclose(scores_at(world, "blur", 8, "audio"), own, atol=1e-4)


def test_the_predictions_recompute_the_result(world):
    measured = robustness.read_measurement("tiny", fusion_name(world))
    assert len(measured["results"]) == 3 * (1 + 2 + 2 + 2 + 4 + 4 + 2) - 2
    table = robustness.read_measured_predictions("tiny", fusion_name(world))
    assert list(table.columns) == ["video_id", "label", "condition", "level", "model", *LABELS]
    for row in measured["results"]:
        place = table[["condition", "level", "model"]] == [row["condition"], str(row["level"]), row["model"]]
        rows = table[place.all(axis=1)]
        assert len(rows) == row["n"] == measured["num_test"] == 6
        hit = (rows[LABELS].idxmax(axis=1) == rows.label).mean()
        assert row["hit_at_1"]["value"] == pytest.approx(hit)
        assert row["hit_at_1"]["low"] <= hit <= row["hit_at_1"]["high"]
        assert ("kbits" in row) == (row["condition"] == "bitrate")
    found = {path.stem for path in world["audio"].result_path.parent.glob("*.json")}
    every = (world["audio"], world["visual"], *(run for run, _ in world["fusions"]))
    assert found == {run.name for run in every}  # none of ours among them


@pytest.mark.parametrize(("lost", "absent"), [("sound", "audio"), ("pictures", "visual")])
def test_a_missing_modality_is_a_vector_of_zeros(world, lost, absent):
    late = world["fusions"][0][1]
    inputs = {"frames": world["embedded"], "audio": world["sound"]}
    name = {"sound": "audio", "pictures": "frames"}[lost]
    expected = late.predict(inputs | {name: np.zeros_like(inputs[name])}, verbose=0)
    np.testing.assert_allclose(scores_at(world, "missing", lost, "fusion"), expected, atol=1e-4)
    assert len(scores_at(world, "missing", lost, absent)) == 0
    assert len(scores_at(world, "missing", lost, {"audio": "visual", "visual": "audio"}[absent])) == 6


@pytest.mark.parametrize(("lost", "left"), [("sound", "visual"), ("pictures", "audio")])
def test_a_fusion_of_scores_gives_those_of_the_modality_that_is_left(world, lost, left):
    table = robustness.read_measured_predictions("tiny", fusion_name(world, 3))
    rows = table[(table["condition"] == "missing") & (table["level"] == lost)]
    fused, alone = (rows[rows["model"] == model].set_index("video_id")[LABELS] for model in ("fusion", left))
    neither = {"sound": "unseen", "pictures": "silent"}[lost]
    np.testing.assert_allclose(fused.drop(neither), alone.drop(neither), atol=1e-5)
    np.testing.assert_allclose(fused.loc[neither], 1 / 3, atol=1e-5)


@pytest.mark.parametrize("number", [1, 2])
def test_frames_that_are_left(world, number):
    left = networks(world).frames_left(number)
    assert left.shape == (6, number)
    assert (np.diff(left, axis=1) > 0).all()
    zeroed, repeated, alone = np.zeros_like(world["embedded"]), [], []
    for video, rows in enumerate(left):
        zeroed[video, rows] = world["embedded"][video, rows]
        repeated.append(world["embedded"][video, np.repeat(rows, K // number)])
        alone.append(world["seen"].predict(world["embedded"][video, rows], verbose=0).mean(axis=0))
    late = world["fusions"][0][1]
    for condition, values in (("frames zeroed", zeroed), ("frames repeated", np.stack(repeated))):
        expected = late.predict({"frames": values, "audio": world["sound"]}, verbose=0)
        np.testing.assert_allclose(scores_at(world, condition, number, "fusion"), expected, atol=1e-4)
        np.testing.assert_allclose(scores_at(world, condition, number, "visual"), alone, atol=1e-4)


@pytest.mark.parametrize(("condition", "name"), [("noise", "audio"), ("blur", "frames")])
def test_severe_levels_change_more_than_mild_ones(world, condition, name):
    clean = networks(world).outputs(AS_IS, "as is")[name][:4]
    levels = BY_NAME[condition].levels
    found = [networks(world).outputs(BY_NAME[condition], level)[name][:4] for level in (levels[0], levels[-1])]
    mild, severe = (np.abs(values - clean).mean() for values in found)
    assert 0 < mild < severe


def test_few_bits_change_sound_and_pictures(world):
    clean, low = (networks(world).outputs(one, one.levels[-1]) for one in (AS_IS, BY_NAME["bitrate"]))
    assert set(low) == {*clean, "kbits"}
    # The last two videos have one stream only.
    for name in clean:
        assert np.abs(low[name][:4] - clean[name][:4]).mean(axis=tuple(range(1, clean[name].ndim))).min() > 0, name
    assert (low["kbits"] > 0).all()


def test_a_stream_that_is_not_there_stays_away(world):
    rows = {row.video_id: number for number, row in enumerate(networks(world).videos)}
    for condition in ("noise", "bitrate"):
        assert (
            not networks(world)
            .outputs(BY_NAME[condition], BY_NAME[condition].levels[-1])["audio"][rows["silent"]]
            .any()
        )
    for condition in ("blur", "bitrate"):
        assert (
            not networks(world)
            .outputs(BY_NAME[condition], BY_NAME[condition].levels[-1])["frames"][rows["unseen"]]
            .any()
        )


def test_noise_too_soft_to_matter_gives_the_stored_spectrogram(world):
    corpus = world["corpus"]
    video = next(corpus.split("test").itertuples())
    assert video.video_id == "a-whole"
    (found,) = networks(world)._noisy_spectrograms(video, [300])
    stored = features.load_input(corpus.directory / "features", "a-whole", world["audio"].audio_input)
    np.testing.assert_array_equal(found, stored)


def test_a_network_that_takes_pictures(world):
    """What the fusion is given and the scores are both of the run's own network, not of ImageNet's."""
    network = trained_network()
    visual = replace(world["visual"], parameters=world["visual"].parameters | {"freeze_backbone": False})
    corpus = world["corpus"]
    with files.whole(visual.weights) as temporary:
        network.save(temporary)
    found = Networks(world["audio"], visual, seed=7).outputs(AS_IS, "as is")
    first = features.read_frames(features.features_path(corpus.directory / "features", "a-whole"), np.array([0]))
    expected = network.predict(frames.central_crop(first).astype(np.float32), verbose=0)
    place = [row.video_id for row in networks(world).videos].index("a-whole")
    np.testing.assert_allclose(found["frame_scores"][place, :1], expected, atol=1e-4)
    inner = keras.Model(network.input, network.get_layer("embedding").output)
    seen = inner.predict(frames.central_crop(first).astype(np.float32), verbose=0)
    np.testing.assert_allclose(found["frames"][place, :1], seen, atol=2e-3)
    assert np.abs(found["frames"][place] - world["embedded"][place]).max() > 0.1
    unseen = [row.video_id for row in networks(world).videos].index("unseen")
    assert not found["frames"][unseen].any()
    black = network.predict(np.zeros((1, CROP_SIZE, CROP_SIZE, 3)), verbose=0)
    np.testing.assert_allclose(found["frame_scores"][unseen], black.repeat(K, axis=0), atol=1e-4)


def test_a_measurement_that_is_there_is_not_made_again(world):
    path = robustness.measurement_path(world["fusions"][0][0])
    before = path.stat().st_mtime_ns
    robustness.measure_run(world["fusions"][0][0], seed=7)
    assert path.stat().st_mtime_ns == before


def test_runs_trained_anew_with_other_weights_are_measured_anew(world, monkeypatch):
    run = world["fusions"][0][0]
    path, predicted = robustness.measurement_path(run), predictions_path(run.result_path, "test")
    written = [path, path.with_suffix(".predictions.csv"), predicted]
    before = [one.read_bytes() for one in written]
    monkeypatch.setattr(robustness, "check_reproduced", lambda *_: None)  # the weights are not really others
    try:
        written[-1].write_text(read_predictions(run.result_path).round(1).to_csv(index=False))
        robustness.measure_run(run, seed=7)
        assert json.loads(path.read_text())["settings_sha256"] != json.loads(before[0])["settings_sha256"]
    finally:
        for one, content in zip(written, before, strict=True):
            one.write_bytes(content)


def test_what_was_killed_goes_on_where_it_stopped(world, monkeypatch):
    path = robustness.measurement_path(world["fusions"][0][0])
    before = path.with_suffix(".predictions.csv").read_bytes()
    content = json.loads(path.read_text())
    path.unlink()
    kept = networks(world).directory / networks(world).key
    (kept / "noise_0" / "b-whole.npz").unlink()
    (kept / "blur_2" / "unseen.npz").unlink()
    done = []
    real = Networks._given

    def noted(self, condition, level, video):
        given = real(self, condition, level, video)
        done.extend([(condition.name, [*given], video.video_id)] if given else [])
        return given

    monkeypatch.setattr(Networks, "_given", noted)
    robustness.measure_run(world["fusions"][0][0], seed=7)
    assert done == [("noise", [0], "b-whole"), ("blur", [2], "unseen")]
    assert path.with_suffix(".predictions.csv").read_bytes() == before
    assert json.loads(path.read_text())["results"] == content["results"]


def test_another_seed_draws_other_noise_and_other_frames(world):
    first, other = (Networks(world["audio"], world["visual"], seed=seed) for seed in (7, 8))
    assert first.key != other.key
    assert (first.frames_left(2) != other.frames_left(2)).any()
    np.testing.assert_array_equal(first.frames_left(2), networks(world).frames_left(2))


def test_runs_that_do_not_reproduce_their_predictions_are_refused(world, monkeypatch):
    run = world["fusions"][0][0]

    def altered(path, split="test"):
        table = read_predictions(path, split)
        return table.assign(cello=table["cello"] + 0.1) if path == run.result_path else table

    monkeypatch.setattr(robustness, "read_predictions", altered)
    before = digests(robustness.measurement_path(run).parent)
    with pytest.raises(RunError, match=rf"{run.name}: expected its own predictions .* differ by 0\.100"):
        robustness.measure_run(run, seed=9)
    assert digests(robustness.measurement_path(run).parent) == before


@pytest.mark.usefixtures("world")
def test_a_measurement_that_is_not_there():
    for read in (robustness.read_measurement, robustness.read_measured_predictions):
        with pytest.raises(RunError, match=r"x\.json: no such measurement; run the notebook 08_robustness first"):
            read("tiny", "x")


def test_a_measurement_without_all_its_predictions_is_refused(world):
    path = robustness.measurement_path(world["fusions"][0][0])
    other = path.with_name("other.json")
    try:
        shutil.copy(path, other)
        with pytest.raises(RunError, match=r"other\.predictions\.csv: missing or damaged .*; run the notebook"):
            robustness.read_measured_predictions("tiny", "other")
        lines = path.with_suffix(".predictions.csv").read_text().splitlines()
        other.with_suffix(".predictions.csv").write_text("\n".join(lines[:-1]))
        with pytest.raises(RunError, match=r"other\.predictions\.csv: expected \d+ predictions, got \d+; delete it"):
            robustness.read_measured_predictions("tiny", "other")
    finally:
        for suffix in (".json", ".predictions.csv"):
            other.with_suffix(suffix).unlink(missing_ok=True)


def test_a_measurement_that_does_not_follow_from_its_predictions_is_refused(world):
    path = robustness.measurement_path(world["fusions"][0][0])
    text = path.read_text()
    content = json.loads(text)
    number = next(n for n, row in enumerate(content["results"]) if row["hit_at_1"]["value"] < 0.5)
    content["results"][number]["hit_at_1"]["value"] = 0.99
    try:
        path.write_text(json.dumps(content))
        with pytest.raises(RunError, match=rf"{path.name}: hit_at_1 is said to be 0\.990000, but .* follows"):
            robustness.read_measurement("tiny", path.stem)
    finally:
        path.write_text(text)


def test_comparisons_are_of_the_share_of_levels_that_are_right(world):
    tests = compare_fusions(world["corpus"], names_of(world))
    found = tests.set_index(["first", "second", "condition"])
    hits = {}
    for kind, measured in measured_of(world).items():
        for row in measured["results"]:
            model = kind if row["model"] == "fusion" else row["model"]
            hits[model, row["condition"], row["level"]] = row["hit_at_1"]["value"]
    for condition in ("noise", "blur"):
        levels = BY_NAME[condition].levels
        for kind in ("dropout", "attention"):
            expected = np.mean([hits[kind, condition, level] - hits["fusion", condition, level] for level in levels])
            assert found.loc[(kind, "fusion", condition), "difference"] == pytest.approx(100 * expected)
        better = [max(hits["audio", condition, level], hits["visual", condition, level]) for level in levels]
        expected = np.mean([hits["fusion", condition, level] for level in levels]) - np.mean(better)
        assert found.loc[("fusion", "better", condition), "difference"] == pytest.approx(100 * expected)
    expected = hits["fusion", "missing", "sound"] - hits["visual", "missing", "sound"]
    assert found.loc[("fusion", "better", "no sound"), "difference"] == pytest.approx(100 * expected)
    # One correction for all of them, those of all levels together included.
    assert tests["p_holm"].min() == pytest.approx(min(1, len(tests) * tests["p_value"].min()))
    assert (tests["p_holm"] >= tests["p_value"]).all()
    assert tests["condition"].iloc[-1] == "all"


def test_what_the_page_shows(world):
    measured = measured_of(world)
    curves = shown.curves(measured)
    table = shown.curves_table(curves)
    assert list(table.columns) == [
        "Condition",
        "Level",
        "Unit",
        "Audio",
        "Visual",
        "Fusion",
        "Fusion, modality dropout",
        "Fusion, attention and modality dropout",
    ]
    assert len(table) == 1 + 2 + 2 + 2 + 4 + 4 + 2
    assert table.set_index(["Condition", "Level"]).loc[("missing", "sound"), "Audio"] == "–"
    tests = compare_fusions(world["corpus"], names_of(world))
    assert shown.tests_table(tests)["Condition"].tolist() == [
        *("no sound", "no pictures", "frames zeroed", "frames repeated", "noise", "blur", "bitrate", "all")
    ]
    assert "(p = " in shown.tests_table(tests).iloc[0, 1]
    assert len(plots.robustness(curves).wide.axes) == 6


@pytest.mark.parametrize(
    ("difference", "p_value", "verdict"),
    [
        (-9.0, 0.01, "does not withstand a missing modality:"),
        (-9.0, 0.2, "falls below the modality that is left without pictures, which so few videos do not tell"),
        (9.0, 0.01, "withstands a missing modality:"),
    ],
)
def test_the_claim_fails_only_where_the_other_modality_alone_is_significantly_better(
    world, difference, p_value, verdict
):
    curves = shown.curves(measured_of(world))
    tests = compare_fusions(world["corpus"], names_of(world))
    pair = (tests["first"] == "fusion") & (tests["second"] == "better")
    tests.loc[pair & (tests["condition"] == "no sound"), ["difference", "p_holm"]] = [0.0, 1.0]
    tests.loc[pair & (tests["condition"] == "no pictures"), ["difference", "p_holm"]] = [difference, p_value]
    assert f"paper's fusion {verdict}" in shown.summary(curves, tests)


def test_conditions_are_told_apart_by_name():
    assert len({one.name for one in CONDITIONS}) == len(CONDITIONS)
    assert set(degradation.SOUND_KBITS) == set(BY_NAME["bitrate"].levels)
