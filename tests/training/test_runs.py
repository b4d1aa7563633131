"""What parameters ask for: runs with a name that tells them apart and a key that tells what they depend on."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from in_parts import index_in_parts

from instrec_utils import config, files, paths
from instrec_utils.config import Protocol
from instrec_utils.corpora import Corpus
from instrec_utils.errors import ParameterError, RunError
from instrec_utils.features import store
from instrec_utils.models.hardware import Hardware
from instrec_utils.training import result_files, runs
from instrec_utils.training.run import settings_sha256, usual_settings

INDEX = pd.DataFrame(
    {"video_id": ["a", "b"], "label": ["x", "y"], "split": ["train", "test"], "path": ["a.mp4", "b.mp4"]}
)
AUDIO = {
    "audio_model": st.sampled_from(["choi2016", "xception_audio"]),
    "segmentation": st.sampled_from(["uc", "cc"]),
    "profile": st.sampled_from(["quick", "paper"]),
    "audio_learning_rate": st.sampled_from([0.0, 0.01, 0.002]),
    "audio_batch_size": st.sampled_from([0, 4, 32]),
    "audio_max_epochs": st.sampled_from([0, 1, 7]),
    "audio_patience": st.sampled_from([0, 2]),
    "audio_warm_up_epochs": st.sampled_from([-1, 1, 12]),
    "silent_videos": st.sampled_from(["", "keep", "leave_out"]),
    "seed": st.integers(0, 99),
    "precision": st.sampled_from(["float32", "mixed_bfloat16"]),
    "num_devices": st.integers(1, 4),
}
VISUAL = {
    "visual_model": st.sampled_from(["efficientnet_lite0", "inception_frames"]),
    "num_frames": st.integers(1, 50),
    "initial_weights": st.sampled_from(["imagenet", "imagenet+instruments"]),
    "redraw_frames": st.booleans(),
    "profile": AUDIO["profile"],
    "visual_max_epochs": st.sampled_from([0, 1, 7]),
    "seed": AUDIO["seed"],
}
FUSION = {
    "fusion_form": st.sampled_from(["text", "code", "attention", "weighted"]),
    "modality_dropout": st.sampled_from([0.0, 0.01, 0.29, 0.3]),
    "profile": AUDIO["profile"],
    "fusion_learning_rate": st.sampled_from([0.0, 0.01]),
    "seed": AUDIO["seed"],
}


def pairs(every):
    """Settings, and the same but for one: of two drawn each for itself hardly any two agree in all others."""
    one = st.sampled_from(sorted(every)).flatmap(lambda name: st.fixed_dictionaries({name: every[name]}))
    return st.tuples(st.fixed_dictionaries(every), one).map(lambda two: (two[0], two[0] | two[1]))


def can_hide(settings):
    """Weights that are solved for see no example in which a modality is hidden."""
    return settings["fusion_form"] != "weighted" or not settings["modality_dropout"]


def make_corpus(name="tiny"):
    return Corpus(name, "folder", paths.data_dir() / name, paths.data_dir() / name, INDEX)


@pytest.fixture
def corpus(home):
    return make_corpus()


def audio_run(corpus, **changes):
    return runs.audio_run(corpus, **changes)


def test_names_tell_the_profile_and_what_differs_from_it(corpus):
    assert audio_run(corpus).name == "audio-choi2016-uc-quick-s10"
    assert audio_run(corpus, profile="paper", segmentation="cc", seed=3).name == "audio-choi2016-cc-paper-s3"
    changed = audio_run(corpus, audio_model="han2016", audio_warm_up_epochs=12, audio_learning_rate=0.01)
    assert changed.name == "audio-han2016-uc-quick-rate0.01-warm_up12-s10"
    assert audio_run(corpus, audio_warm_up_epochs=8, audio_max_epochs=3).name == "audio-choi2016-uc-quick-s10"
    assert audio_run(corpus, profile="paper", audio_warm_up_epochs=8).name == "audio-choi2016-uc-paper-warm_up8-s10"
    stopped = audio_run(corpus, audio_batch_size=4, audio_max_epochs=5, audio_patience=2)
    assert stopped.name == "audio-choi2016-uc-quick-batch4-epochs5-patience2-s10"
    shared = audio_run(corpus, precision="mixed_float16", num_devices=2)
    assert shared.name == "audio-choi2016-uc-quick-mixed_float16-2_devices-s10"
    assert runs.visual_run(corpus).name == "visual-efficientnet_lite0-k10-quick-s10"
    begun = runs.visual_run(corpus, num_frames=5, initial_weights="imagenet+instruments")
    assert begun.name == "visual-efficientnet_lite0-k5-pt-quick-s10"
    random = runs.visual_run(corpus, initial_weights="random", redraw_frames=True, profile="paper")
    assert random.name == "visual-efficientnet_lite0-k10-random-paper-redrawn-s10"
    assert audio_run(corpus, silent_videos="keep").name == "audio-choi2016-uc-quick-keep_silent-s10"
    assert audio_run(corpus, silent_videos="keep", profile="paper").name == "audio-choi2016-uc-paper-s10"


def test_names_of_fusions_tell_what_they_join(corpus):
    audio, visual = audio_run(corpus), runs.visual_run(corpus)

    def name(audio=audio, visual=visual, **changes):
        return runs.fusion_run(corpus, audio=audio, visual=visual, **changes).name

    assert name() == "fusion-choi2016-uc-efficientnet_lite0-k10-quick-s10"
    attentive = {"fusion_form": "attention", "modality_dropout": 0.3}
    assert name(**attentive) == "fusion-choi2016-uc-efficientnet_lite0-k10-attention-drop30-quick-s10"
    assert name(modality_dropout=0.29) == "fusion-choi2016-uc-efficientnet_lite0-k10-drop29-quick-s10"
    warmed_up = audio_run(corpus, audio_warm_up_epochs=12)
    assert name(audio=warmed_up) == "fusion-choi2016-uc-warm_up12-efficientnet_lite0-k10-quick-s10"
    other = runs.visual_run(corpus, profile="paper", seed=11)
    assert name(visual=other) == "fusion-choi2016-uc-efficientnet_lite0-k10-paper-s11-quick-s10"
    assert (
        name(audio=audio_run(corpus, seed=11), visual=replace(visual, seed=11), seed=11)
        == "fusion-choi2016-uc-efficientnet_lite0-k10-quick-s11"
    )


def test_a_rotation_is_a_run_of_its_own_but_for_the_one_that_the_index_has():
    corpus = replace(make_corpus(), index=index_in_parts(3))
    rotations = [corpus.rotated(number) for number in (0, 1, 2, 3)]
    every = [list(runs.runs_of(one, {}).values()) for one in rotations]
    assert [run.name for run in every[1]] == [
        "audio-choi2016-uc-quick-r1-s10",
        "visual-efficientnet_lite0-k10-quick-r1-s10",
        "fusion-choi2016-uc-efficientnet_lite0-k10-quick-r1-s10",
    ]
    assert every[1][2].joined == tuple(every[1][:2])
    for fixed, first, second, last in zip(*every, strict=True):
        assert len({fixed.key, first.key, second.key}) == len({fixed.name, first.name, second.name}) == 3
        assert (last.key, last.name) == (fixed.key, fixed.name)
        assert "rotation" not in fixed.parameters
        # What belongs together has the same index, whichever part tests.
        assert first.settings["index_sha256"] == fixed.settings["index_sha256"]
    assert runs.runs_of(corpus, {"rotation": 2})["fusion"].key == every[2][2].key


def test_a_fusion_joins_runs_of_its_own_rotation():
    corpus = replace(make_corpus(), index=index_in_parts(3))
    audio, visual = audio_run(corpus.rotated(1)), runs.visual_run(corpus)
    with pytest.raises(ParameterError, match="expected joined runs of rotation 0, got one of 1"):
        runs.fusion_run(corpus, audio=audio, visual=visual)


def test_two_profiles_stand_side_by_side(corpus):
    quick, paper = (audio_run(corpus, profile=profile) for profile in ("quick", "paper"))
    assert quick.result_path != paper.result_path
    assert quick.directory != paper.directory
    assert quick.result_path.parent == paths.home() / "runs" / "tiny" / "results"


def is_same(run, other):
    return (run.protocol, run.parameters, run.seed, run.model, run.profile) == (
        *(other.protocol, other.parameters, other.seed, other.model, other.profile),
    )


@given(pairs(AUDIO))
def test_audio_runs_have_the_same_name_and_key_only_if_they_are_the_same(both):
    one, other = (audio_run(make_corpus(), **settings) for settings in both)
    assert (one.name == other.name) == is_same(one, other)
    assert is_same(one, other) or one.directory != other.directory
    # Beside the profile's name a run depends on nothing but its settings.
    assert (one.key == other.key) == is_same(one, replace(other, profile=one.profile))


@given(pairs(VISUAL))
def test_visual_runs_have_the_same_name_and_key_only_if_they_are_the_same(both):
    one, other = (runs.visual_run(make_corpus(), **settings) for settings in both)
    assert (one.name == other.name) == is_same(one, other)
    assert (one.key == other.key) == is_same(one, replace(other, profile=one.profile))


@given(
    audios=st.tuples(*[st.fixed_dictionaries(AUDIO)] * 2),
    visuals=st.tuples(*[st.fixed_dictionaries(VISUAL)] * 2),
    fusions=st.tuples(*[st.fixed_dictionaries(FUSION).filter(can_hide)] * 2),
)
def test_fusions_have_the_same_name_only_if_they_and_what_they_join_are_the_same(audios, visuals, fusions):
    corpus = make_corpus()
    one, other = (
        runs.fusion_run(corpus, audio=audio_run(corpus, **audio), visual=runs.visual_run(corpus, **visual), **fusion)
        for audio, visual, fusion in zip(audios, visuals, fusions, strict=True)
    )
    every = zip((one, *one.joined), (other, *other.joined), strict=True)
    are_same = all(is_same(first, second) for first, second in every)
    assert (one.name == other.name) == are_same
    assert one.key == other.key if are_same else one.directory != other.directory


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "visual"},
        {"model": "xception_audio"},
        {"parameters": {"segmentation": "uc", "augment": False, "warm_up_epochs": 8}},
        {"parameters": {"segmentation": "cc", "augment": True, "warm_up_epochs": 8}},
        {"parameters": {"segmentation": "uc", "augment": True, "warm_up_epochs": 8, "silent_videos": "keep"}},
        *({"protocol": {field.name: None}} for field in dataclasses.fields(Protocol)),
        {"seed": 11},
        {"uses": ["another"]},
        {"index_sha256": "another"},
    ],
)
def test_a_key_depends_on_every_setting(corpus, changes):
    settings = audio_run(corpus).settings
    if "protocol" in changes:
        changes = {"protocol": dataclasses.asdict(settings["protocol"]) | changes["protocol"]}
    assert settings_sha256(settings | changes) != settings_sha256(settings)


@pytest.mark.parametrize("name", ["demo", "open"])
def test_published_results_are_of_the_settings_that_they_say(name):
    """The key of a result is recomputed from its own fields; where that changes, a report would train all anew."""
    folder = Path(__file__).resolve().parents[2] / "results" / name
    published = [result_files.read_result(path) for path in folder.glob("*.json")]
    assert published
    visual = [one for one in published if one["kind"] == "visual" and one["profile"] == "quick"]
    # The first results say whether they were pretrained, today's say with what a run begins.
    assert {(one["parameters"]["initial_weights"], "-pt-" in one["run"]) for one in visual} == {
        ("imagenet", False),
        ("imagenet+instruments", True),
    }
    changed = [one["run"] for one in published if settings_sha256(one) != one["run_sha256"]]
    assert changed == []
    # So are those that a run of the same settings has today, but of forms with a protocol of their own; the name of a
    # run tells where it had another number of epochs.
    trained = [one for one in published if one["parameters"].get("fusion_form") != "weighted"]
    for one in trained:
        usual = usual_settings(one["model"], one["parameters"], one["profile"])
        usual |= {"max_epochs": one["protocol"]["max_epochs"]} if "-epochs" in one["run"] else {}
        assert one["protocol"] == {field: usual[field] for field in one["protocol"]}, one["run"]


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [(config, "TRAINING_VERSION", 999), (store, "SETTINGS_SHA256", "0" * 64), (store, "input_sha256", lambda _: "x")],
)
def test_a_key_depends_on_features_and_version(corpus, monkeypatch, module, name, value):
    before = audio_run(corpus).key
    monkeypatch.setattr(module, name, value)
    assert audio_run(corpus).key != before


def test_a_key_depends_on_the_index_and_not_on_its_order_or_place(corpus):
    before = audio_run(corpus).key
    for column in ("video_id", "label", "split"):
        index = INDEX.assign(**{column: ["z", "b"]})
        assert audio_run(replace(corpus, index=index)).key != before, column
    assert audio_run(replace(corpus, unusable=frozenset("a"))).key != before
    moved = replace(corpus, index=INDEX[::-1].assign(path="elsewhere.mp4"), directory=corpus.directory / "moved")
    assert audio_run(moved).key == before


def test_a_fusions_key_depends_on_what_it_joins(corpus):
    audio, visual = audio_run(corpus), runs.visual_run(corpus)
    before = runs.fusion_run(corpus, audio=audio, visual=visual).key
    # Of the same name, so that nothing but the joined run's own key tells them apart.
    varied = replace(audio, parameters=audio.parameters | {"augment": False})
    assert varied.name == audio.name
    assert runs.fusion_run(corpus, audio=varied, visual=visual).key != before


def test_a_profile_sets_the_protocol_and_a_parameter_replaces_a_part_of_it(corpus):
    paper = audio_run(corpus, profile="paper", seed=1)
    assert paper.protocol == Protocol("adam", 1e-3, 16, 200, 10)
    assert (paper.parameters["augment"], paper.parameters["warm_up_epochs"]) == (False, 0)
    assert paper.parameters["silent_videos"] == "keep"
    quick = audio_run(corpus, profile="quick", audio_max_epochs=3, seed=1)
    assert quick.protocol.max_epochs == 3
    usual = usual_settings(quick.model, quick.parameters, "paper")
    assert usual == paper.parameters | dataclasses.asdict(paper.protocol)
    frames = runs.visual_run(corpus, visual_model="inception_frames", num_frames=50, profile="paper", seed=1)
    assert frames.protocol == Protocol("sgd", 1e-4, 64, 200, 5, halve_every=5)
    assert not frames.parameters["freeze_backbone"]


def test_a_width_is_a_setting_of_the_run_where_it_is_not_the_networks_own(corpus):
    own, same, wide = (audio_run(corpus, audio_model="xception_audio", audio_width=width) for width in (0, 728, 768))
    assert (own.key, own.options) == (same.key, {})
    assert (wide.name, wide.options) == ("audio-xception_audio-uc-quick-width768-s10", {"width": 768})
    assert wide.key != own.key
    assert usual_settings(wide.model, wide.parameters, "quick")["width"] == 728


def fusion_run(corpus, **changes):
    return runs.fusion_run(corpus, audio=audio_run(corpus), visual=runs.visual_run(corpus), **changes)


@pytest.mark.parametrize(
    ("make", "changes", "message"),
    [
        (audio_run, {"audio_model": "vggish"}, "audio: expected one of .*choi2016, .* got 'vggish'"),
        (audio_run, {"audio_model": "late_fusion"}, "audio: expected one of .*choi2016, .* got 'late_fusion'"),
        (audio_run, {"audio_width": 768}, "audio_width: expected 0, as choi2016 has no choice of it, got 768"),
        (
            audio_run,
            {"audio_model": "xception_audio", "audio_width": -1},
            "audio_width: expected 0 for 728, or another number, got -1",
        ),
        (audio_run, {"segmentation": "all"}, "segmentation of choi2016: expected one of uc, cc, got 'all'"),
        (
            audio_run,
            {"audio_model": "han2016", "segmentation": "cc"},
            "segmentation of han2016: expected one of uc, got 'cc'",
        ),
        (audio_run, {"profile": "fast"}, "profile: expected one of paper, quick, got 'fast'"),
        (audio_run, {"audio_learning_rate": -1.0}, r"learning_rate: expected a number above 0, or 0 .*, got -1\.0"),
        (audio_run, {"audio_learning_rate": float("nan")}, "learning_rate: expected a number above 0, .*, got nan"),
        (audio_run, {"audio_batch_size": -8}, "batch_size: expected a number above 0, or 0 .*, got -8"),
        (audio_run, {"precision": "float16"}, "precision: expected one of auto, float32, .*, got 'float16'"),
        (audio_run, {"num_devices": 0}, "num_devices: expected at least 1, got 0"),
        (runs.visual_run, {"precision": "float16"}, "precision: expected one of auto, float32, .*, got 'float16'"),
        (runs.visual_run, {"num_devices": 0}, "num_devices: expected at least 1, got 0"),
        (audio_run, {"silent_videos": "some"}, "silent_videos: expected one of keep, leave_out, got 'some'"),
        (
            runs.visual_run,
            {"initial_weights": "faces"},
            r"initial_weights: expected one of random, imagenet, imagenet\+instruments, got 'faces'",
        ),
        (
            runs.visual_run,
            {"initial_weights": "random"},
            "initial_weights: expected imagenet or .* in the profile quick, which trains the layer of classes only, .*",
        ),
        (runs.visual_run, {"num_frames": 0}, "num_frames: expected at least 1, got 0"),
        (runs.visual_run, {"visual_model": "resnet"}, "visual: expected one of efficientnet_lite0, .* got 'resnet'"),
        (
            fusion_run,
            {"fusion_form": "mean"},
            "fusion_form: expected one of text, code, attention, weighted, got 'mean'",
        ),
        (fusion_run, {"modality_dropout": 0.304}, r"modality_dropout: expected hundredths .* to 0\.99, got 0\.304"),
        (fusion_run, {"fusion_form": "weighted", "modality_dropout": 0.3}, "expected 0 for the form weighted, got 0.3"),
        (audio_run, {"seed": -1}, "seed: expected 0 to 4294967295, got -1"),
        (runs.visual_run, {"seed": 2**32}, "seed: expected 0 to 4294967295, got 4294967296"),
        (fusion_run, {"modality_dropout": 1.0}, r"modality_dropout: expected hundredths .* to 0\.99, got 1\.0"),
        (fusion_run, {"fusion_patience": -1}, "patience: expected a number above 0, or 0 .*, got -1"),
    ],
)
def test_unknown_settings_are_refused(corpus, make, changes, message):
    with pytest.raises(ParameterError, match=message):
        make(corpus, **changes)


def test_weights_that_are_solved_for_have_no_rate_batch_or_patience(corpus):
    usual = fusion_run(corpus, fusion_form="weighted")
    assert usual.protocol == Protocol("newton", 0.0, batch_size=0, max_epochs=0, patience=0)
    given = {"learning_rate": 0.01, "batch_size": 8, "max_epochs": 3, "patience": 2}
    changes = {f"fusion_{name}": value for name, value in given.items()}
    same = fusion_run(corpus, fusion_form="weighted", precision="mixed_bfloat16", num_devices=2, **changes)
    assert (same.name, same.key) == (usual.name, usual.key)
    trained = replace(usual, protocol=Protocol("adam", 0.05, batch_size=16, max_epochs=100, patience=10))
    assert trained.key != usual.key  # as they once were
    assert fusion_run(corpus, **changes).key != fusion_run(corpus).key


def test_only_what_differs_from_the_default_is_a_parameter_of_a_run(corpus):
    usual = audio_run(corpus)
    assert audio_run(corpus, precision="auto", num_devices=1).parameters == usual.parameters
    assert set(usual.parameters) == {"segmentation", "augment", "warm_up_epochs", "silent_videos"}
    changed = audio_run(corpus, precision="mixed_bfloat16", num_devices=4)
    assert changed.parameters == usual.parameters | {"precision": "mixed_bfloat16", "num_devices": 4}
    assert changed.hardware == Hardware("mixed_bfloat16", 4)


@pytest.mark.parametrize("fastest", ["float32", "mixed_bfloat16"])
def test_a_quick_training_computes_in_what_the_processor_does_fastest(corpus, fastest, monkeypatch):
    monkeypatch.setattr("instrec_utils.training.run.fastest", lambda: Hardware(fastest))
    usual = audio_run(corpus)
    assert usual.hardware == Hardware(fastest)
    assert audio_run(corpus, precision="float32").hardware == Hardware("float32")
    assert audio_run(corpus, profile="paper").hardware == Hardware("float32")
    assert audio_run(corpus, audio_model="xception_audio").hardware == Hardware("float32"), "it gains nothing"
    assert audio_run(corpus, precision="float32").name == usual.name.replace("-s10", "-float32-s10")


def test_the_runs_that_a_reports_parameters_ask_for(corpus):
    parameters = {
        "corpus": "other",
        "root": "",
        "seed": 3,
        "audio_model": "han2016",
        "num_frames": 5,
        "profile": "paper",
    }
    found = runs.runs_of(corpus, parameters | {"profile": "paper", "fusion_form": "code", "visual_max_epochs": 2})
    assert {kind: run.name for kind, run in found.items()} == {
        "audio": "audio-han2016-uc-paper-s3",
        "visual": "visual-efficientnet_lite0-k5-paper-epochs2-s3",
        "fusion": "fusion-han2016-uc-efficientnet_lite0-k5-epochs2-code-paper-s3",
    }
    assert found["fusion"].joined == (found["audio"], found["visual"])
    assert {run.corpus.name for run in found.values()} == {"tiny"}


def test_the_visual_run_alone_may_have_another_profile(corpus):
    plain = runs.runs_of(corpus, {"profile": "quick", "visual_profile": ""})
    found = runs.runs_of(corpus, {"profile": "quick", "visual_profile": "paper", "visual_max_epochs": 9})
    assert [run.key for run in plain.values()] == [run.key for run in runs.runs_of(corpus, {}).values()]
    assert found["audio"].key == plain["audio"].key
    assert found["visual"].name == "visual-efficientnet_lite0-k10-paper-epochs9-s10"
    assert found["fusion"].name == "fusion-choi2016-uc-efficientnet_lite0-k10-paper-epochs9-quick-s10"
    assert found["fusion"].parameters["frame_embeddings"] == "visual run"


def test_a_reports_parameters_are_those_of_its_last_making(home):
    with pytest.raises(ParameterError, match=r"tiny: expected a file params/tiny\.yaml"):
        runs.report_parameters("tiny")
    files.write_text(home / "params" / "tiny.yaml", "corpus: tiny\nseed: 10\n")
    assert runs.report_parameters("tiny") == {"corpus": "tiny", "seed": 10}
    files.write_text(runs.parameters_path("tiny"), yaml.safe_dump({"corpus": "tiny", "seed": 11}))
    assert runs.report_parameters("tiny") == {"corpus": "tiny", "seed": 11}


def test_a_result_that_was_made_here_hides_the_published_one(home):
    with pytest.raises(RunError, match=r"runs/tiny/results/a\.json: no such result; train this model first"):
        result_files.find_result("tiny", "a")
    made, published = (folder / "a.json" for folder in paths.results_dirs("tiny"))
    files.write_json(published, {})
    assert result_files.find_result("tiny", "a") == published
    files.write_json(made, {})
    assert result_files.find_result("tiny", "a") == made


@pytest.mark.parametrize(
    ("text", "message"),
    [("[1", "missing or damaged"), ("[1]", "damaged .expected an object."), ("{}", "of another version, without run")],
)
def test_damaged_results_are_named(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(RunError, match=rf"a\.json: {message}"):
        result_files.read_result(tmp_path / "a.json")


def test_predictions_that_are_damaged_or_not_all_there_are_named(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"num_test": 2})
    with pytest.raises(RunError, match=r"a\.predictions\.csv: no such predictions"):
        result_files.read_predictions(path)
    table = result_files.predictions_path(path, "test")
    table.write_text("video_id,label,x\nNA,x,0.5\n")
    with pytest.raises(RunError, match=r"a\.predictions\.csv: expected 2 videos, got 1"):
        result_files.read_predictions(path)
    table.write_text("video_id,label,x\nNA,x,0.5\n01,x,0.5\n")
    assert result_files.read_predictions(path)["video_id"].tolist() == ["NA", "01"]
    table.write_text("video_id,label,x\na,x,half\nb,x,0.5\n")
    with pytest.raises(RunError, match=r"a\.predictions\.csv: damaged"):
        result_files.read_predictions(path)
