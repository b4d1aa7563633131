"""What is left of a fusion when a modality is missing or degraded, beside the models of one modality (3.4, claim f).

`degradation.CONDITIONS` declares how the test videos are degraded. What the two networks make of a degraded video is
one small file in ``runs/<corpus>/robustness/``, so that a measurement that was killed goes on where it stopped; no
condition touches the corpus' own features. What comes out is ``results/<corpus>/robustness/<run of the fusion>.json``
and beside it the predictions: video_id, label, condition, level, model, then one score column a class.

A model of one modality has no scores where that modality is missing: all it could do is guess. Where only the other one
is degraded, its scores are those on the videos as they are.
"""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from instrec_utils import cluster, config, evaluation, files, media, models, paths, provenance
from instrec_utils.corpora import Corpus
from instrec_utils.errors import RunError
from instrec_utils.features import embeddings, spectrograms
from instrec_utils.features import store as features
from instrec_utils.inputs import frames
from instrec_utils.inputs import spectrograms as audio
from instrec_utils.robustness import degradation
from instrec_utils.robustness.degradation import AS_IS, SOUND_KBITS, Condition
from instrec_utils.training import result_files, runs
from instrec_utils.training.runs import Run

VERSION = 1  # raised when the same condition and level degrade a video in another way
TOLERANCE = 0.01  # of a score on the videos as they are, against the run's own predictions
COLUMNS = ("video_id", "label", "condition", "level", "model")  # of the predictions, before the scores


def result_path(corpus: str, run: str) -> Path:
    """Return the file of a fusion's measurement; not beside the runs' results, as it is none."""
    return paths.results_dir(corpus) / "robustness" / f"{run}.json"


def measure(corpus: Corpus, fusion: Run, *, seed: int) -> None:
    """Measure a fusion and the two runs that it joins on the test split under every condition, if not done yet.

    Parameters
    ----------
    corpus : with features and the videos themselves.
    fusion : finished.
    seed : of the noise and of which frames are left.

    Raises
    ------
    RunError
        A run is missing, or the videos as they are do not give the run's own predictions.
    """
    started = time.perf_counter()
    path = result_path(corpus.name, fusion.name)
    levels = degradation.conditions(fusion.parameters["num_frames"])
    joined = {kind: runs.read(corpus, fusion.parameters[kind]) for kind in ("audio", "visual")}
    settings = files.sha256_of([VERSION, levels, seed, *(_identity(corpus, run) for run in (fusion, *joined.values()))])
    if path.exists() and runs.read_json(path).get("settings_sha256") == settings:
        return
    networks = Networks(corpus, **joined, seed=seed)
    tables, rows = [], []
    for row, table in _measured(networks, fusion, levels):
        truth, scores, _ = evaluation.from_predictions(table)
        rows.append(row | {"hit_at_1": evaluation.evaluate(truth, [scores])["hit_at_1"], "n": len(table)})
        place = {column: row[column] for column in COLUMNS if column in row}
        tables.append(table.assign(**place)[[*COLUMNS, *corpus.labels]])
    # Four digits keep the file of more than a thousand rows below a megabyte.
    files.write_text(path.with_suffix(".predictions.csv"), pd.concat(tables).round(4).to_csv(index=False))
    files.write_json(
        path,
        {
            "corpus": corpus.name,
            "run": fusion.name,
            "seed": seed,
            "num_test": len(truth),
            "majority_rate": evaluation.majority_rate(truth),
            "results": rows,
            "seconds": round(time.perf_counter() - started, 1),
            "device": provenance.device(),
            "versions": provenance.versions(),
            "commit": provenance.commit(),
            "index_sha256": provenance.index_sha256(corpus.usable),
            "uses": [run.sha256(corpus) for run in joined.values()],
            "run_sha256": fusion.sha256(corpus),
            "settings_sha256": settings,
        },
    )


def _identity(corpus: Corpus, run: Run) -> list[str]:
    """Return a run's settings and predictions: a processor that rounds otherwise trains other weights from them."""
    return [run.sha256(corpus), files.sha256_of_file(runs.predictions_path(corpus.name, run.name, "test"))]


def _measured(
    networks: Networks, fusion: Run, levels: list[Condition]
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield each condition, level and model that has its modality, with its predictions."""
    corpus = networks.corpus
    names = {"audio": networks.audio.name, "visual": networks.visual.name, "fusion": fusion.name}
    own = {model: result_files.read_predictions(runs.result_path(corpus.name, name)) for model, name in names.items()}
    late = models.load(fusion.weights(corpus))
    clean = networks.outputs(AS_IS, AS_IS.levels[0])
    check_reproduced(names, own, _scores(late, clean))
    for condition in levels:
        for level in condition.levels:
            degraded = {} if condition is AS_IS else _degraded(networks, condition, level, clean)
            kbits = {"kbits": float(degraded["kbits"].mean())} if "kbits" in degraded else {}
            for model, table in _predictions(corpus, late, own, clean, degraded).items():
                row = {"condition": condition.name, "level": level, "unit": condition.unit, "model": model}
                yield row | {"run": names[model]} | kbits, table


def check_reproduced(names: dict[str, str], own: dict[str, pd.DataFrame], scores: dict[str, np.ndarray]) -> None:
    """Refuse to measure what does not reproduce the runs' own predictions on the videos as they are.

    Parameters
    ----------
    names, own, scores : by kind of model: the run's name, its predictions, and the scores
        [shape=(num_videos, num_classes)] of the same videos.

    Raises
    ------
    RunError
        A score differs by more than `TOLERANCE`.
    """
    for model, table in own.items():
        difference = float(np.abs(table.iloc[:, 2:].to_numpy(float) - scores[model]).max())
        if difference > TOLERANCE:
            raise RunError(
                f"{names[model]}: expected its own predictions on the videos as they are, within {TOLERANCE}, got "
                f"scores that differ by {difference:.3f}; delete its result and train it again"
            )


def _predictions(
    corpus: Corpus,
    late,
    own: dict[str, pd.DataFrame],
    clean: dict[str, np.ndarray],
    degraded: dict[str, np.ndarray | None],
) -> dict[str, pd.DataFrame]:
    """Return the predictions of each model that has its modality: a run's own where nothing of it is degraded."""
    is_own = {
        "audio": "sound_scores" not in degraded,
        "visual": "frame_scores" not in degraded,
        "fusion": not degraded,
    }
    table = corpus.split("test")
    return {
        model: own[model]
        if is_own[model]
        else evaluation.predictions_table(table["video_id"], corpus.targets(table), scores, corpus.labels)
        for model, scores in _scores(late, clean | degraded).items()
    }


def _scores(late, outputs: dict[str, np.ndarray | None]) -> dict[str, np.ndarray]:
    """Return the scores of each model that has its modality [shape=(num_videos, num_classes)]."""
    fused = late.predict({name: outputs[name] for name in ("frames", "sound")}, verbose=0)
    scores = {"audio": outputs["sound_scores"], "visual": outputs["frame_scores"], "fusion": np.asarray(fused)}
    # Of frames or not: the mean over whatever stands between the videos and the classes.
    return {
        model: values.reshape(len(values), -1, values.shape[-1]).mean(axis=1)
        for model, values in scores.items()
        if values is not None
    }


def _degraded(
    networks: Networks, condition: Condition, level: float | str, clean: dict[str, np.ndarray]
) -> dict[str, np.ndarray | None]:
    """Return which outputs differ from those on the videos as they are; None for scores that there are none of."""
    if condition.sound or condition.pictures:
        return networks.outputs(condition, level)
    if condition.name == "missing":
        output, scores = {"sound": ("sound", "sound_scores"), "pictures": ("frames", "frame_scores")}[level]
        return {output: np.zeros_like(clean[output]), scores: None}
    num_frames = clean["frames"].shape[1]
    left = networks.frames_left(level)
    left_scores = np.take_along_axis(clean["frame_scores"], left[..., None], axis=1)
    if condition.name == "frames zeroed":
        is_left = (left[:, None, :] == np.arange(num_frames)[:, None]).any(axis=2)
        return {"frames": clean["frames"] * is_left[..., None], "frame_scores": left_scores}
    repeated = left[:, frames.choose_uniformly(level, num_frames)]
    return {"frames": np.take_along_axis(clean["frames"], repeated[..., None], axis=1), "frame_scores": left_scores}


def read(corpus: str, run: str) -> dict[str, Any]:
    """Return a fusion's measurement.

    Raises
    ------
    RunError
        There is none.
    """
    path = result_path(corpus, run)
    if not path.exists():
        raise RunError(f"{path}: no such measurement; run the notebook 08_robustness first")
    return runs.read_json(path)


def predictions(corpus: str, run: str) -> pd.DataFrame:
    """Return the predictions of a fusion's measurement: `COLUMNS`, then one score column a class; levels as text."""
    path = result_path(corpus, run).with_suffix(".predictions.csv")
    if not path.exists():
        raise RunError(f"{path}: no such predictions; run the notebook 08_robustness first")
    table = pd.read_csv(path, dtype=dict.fromkeys(COLUMNS, str), keep_default_na=False)
    expected = sum(row["n"] for row in read(corpus, run)["results"])
    if len(table) != expected:
        raise RunError(
            f"{path}: expected {expected} predictions, got {len(table)}; delete it and run 08_robustness again"
        )
    return table


def _is_newer(path: Path, source: Path) -> bool:
    return path.exists() and path.stat().st_mtime_ns >= source.stat().st_mtime_ns


def _write_low_bitrate(paths: tuple[Path, Path], *, picture_kbits: float, sound_kbits: float) -> None:
    degradation.write_low_bitrate(*paths, picture_kbits=picture_kbits, sound_kbits=sound_kbits)


class Networks:
    """What an audio run's and a frame run's networks make of the test videos, degraded or not, kept in small files.

    Parameters
    ----------
    corpus : of the runs.
    audio, visual : finished runs.
    seed : of the noise and of which frames are left.
    """

    def __init__(self, corpus: Corpus, audio: Run, visual: Run, *, seed: int) -> None:
        self.corpus, self.audio, self.visual, self.seed = corpus, audio, visual, seed
        self.videos = list(corpus.split("test").itertuples())
        self.num_frames = visual.parameters["num_frames"]
        self.directory = paths.runs_dir(corpus.name) / "robustness"
        self.key = files.sha256_of([VERSION, _identity(corpus, audio), _identity(corpus, visual), seed])[:16]

    def outputs(self, condition: Condition, level: float | str) -> dict[str, np.ndarray]:
        """Return what the networks make of the videos at a level, computing what is not there yet.

        Returns
        -------
        dict of str to np.ndarray [shape=(num_videos, ...), float32]
            Of a condition of the sound: sound [shape=(..., num_features)] and sound_scores [shape=(..., num_classes)];
            of the pictures: frames [shape=(..., k, num_features)] and frame_scores [shape=(..., k, num_classes)];
            of the bitrate also kbits, what the videos really have, in kbit/s.
        """
        if condition.name == "bitrate":
            self._write_low_bitrates(level)
        found = []
        for video in tqdm(self.videos, desc=f"{condition.name} {level}", unit="video"):
            path = self.directory / self.key / f"{condition.name}_{level}".replace(" ", "_") / f"{video.video_id}.npz"
            if not path.exists():
                values = self._outputs_of(condition, level, video)
                with files.whole(path) as temporary, temporary.open("wb") as file:
                    np.savez(file, **values)
            with np.load(path, allow_pickle=False) as stored:
                found.append(dict(stored))
        return {name: np.stack([one[name] for one in found]).astype(np.float32) for name in found[0]}

    def _outputs_of(self, condition: Condition, level: float | str, video) -> dict[str, np.ndarray]:
        source, store = self.corpus.videos / video.path, self.corpus.directory / "features"
        if condition.name == "noise":
            return self._of_sound(self._noisy_spectrogram(source, level, video.video_id))
        if condition.name == "blur":
            return self.of_pictures(degradation.blur(self._read_pictures(store, video.video_id), level))
        if condition.name == "bitrate":
            return self._of_low_bitrate(level, video.video_id)
        return self._of_features(store, video.video_id)

    def _of_features(self, store: Path, video_id: str) -> dict[str, np.ndarray]:
        spectrogram = spectrograms.read(store, video_id, self.audio.input_name)
        return self._of_sound(spectrogram) | self.of_pictures(self._read_pictures(store, video_id))

    def _low_bitrate_path(self, level: float, video_id: str) -> Path:
        return self.directory / f"bitrate_{level}_{SOUND_KBITS[level]}" / f"{video_id}.mp4"

    def _write_low_bitrates(self, level: float) -> None:
        """Encode the videos anew that have not been yet, on all cores: it takes longer than what follows."""
        pairs = [(self.corpus.videos / one.path, self._low_bitrate_path(level, one.video_id)) for one in self.videos]
        todo = [pair for pair in pairs if not _is_newer(pair[1], pair[0])]
        encode = functools.partial(_write_low_bitrate, picture_kbits=level, sound_kbits=SOUND_KBITS[level])
        for _, result in cluster.process(encode, todo, description=f"encoding {level} kbit/s"):
            if isinstance(result, BaseException):
                raise result

    def _of_low_bitrate(self, level: float, video_id: str) -> dict[str, np.ndarray]:
        path = self._low_bitrate_path(level, video_id)
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder)
            features.extract_video(features.Video(video_id, path, features.features_path(store, video_id)))
            kbits = path.stat().st_size * 8 / 1000 / media.probe(path).duration
            return self._of_features(store, video_id) | {"kbits": np.float32(kbits)}

    def _noisy_spectrogram(self, source: Path, ratio: float, video_id: str) -> np.ndarray:
        """Return the spectrogram of a video's sound under noise, rounded as in the store."""
        name = self.audio.input_name
        if not media.probe(source).has_sound:
            return spectrograms.read(self.corpus.directory / "features", video_id, name)
        rate = (config.HAN2016 if name == "han2016" else config.CHOI2016).sample_rate
        noisy = degradation.add_noise(media.read_sound(source, (rate,))[rate], ratio, self._generator(video_id))
        of_noisy = (
            audio.han_input(noisy) if name == "han2016" else audio.choi_input(noisy, name.removeprefix("choi2016_"))
        )
        return of_noisy.astype(np.float16).astype(np.float32)

    def _read_pictures(self, store: Path, video_id: str) -> np.ndarray:
        """Return the k pictures of a video that are evaluated [shape=(k, 256, 256, 3), uint8], or none."""
        path = features.features_path(store, video_id)
        count = features.count_frames(path)
        return features.read_frames(path, frames.choose_uniformly(count, self.num_frames) if count else None)

    @functools.cached_property
    def _audio_network(self):
        """The audio network, from a spectrogram to its embedding and its scores."""
        import keras

        network = models.load(self.audio.weights(self.corpus))
        return keras.Model(network.input, [network.get_layer("embedding").output, network.output])

    @functools.cached_property
    def _backbone(self):
        return models.build_backbone(self.visual.model)

    @functools.cached_property
    def _frame_network(self):
        """The frame model: from embeddings if its backbone is frozen, else from pictures."""
        return models.load(self.visual.weights(self.corpus))

    def _of_sound(self, spectrogram: np.ndarray) -> dict[str, np.ndarray]:
        windows = spectrogram if spectrogram.ndim == 3 else spectrogram[None]
        outputs = self._audio_network.predict_on_batch(windows)
        sound, scores = (np.asarray(values, np.float32).mean(axis=0) for values in outputs)
        # The fusion is given zeros where nothing is to be heard, as in its training.
        return {"sound": sound * (not spectrograms.is_silent(spectrogram)), "sound_scores": scores}

    def of_pictures(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the frame network makes of pictures.

        Parameters
        ----------
        pictures : np.ndarray [shape=(k, 256, 256, 3), uint8]
            Of one video, RGB, 0 to 255; none for a video without pictures.

        Returns
        -------
        dict of str to np.ndarray
            frames [shape=(k, num_features), float16] and frame_scores [shape=(k, num_classes), float32].
        """
        is_missing = not len(pictures)
        size = config.CROP_SIZE
        shown = np.zeros((self.num_frames, size, size, 3), np.uint8) if is_missing else frames.central_crop(pictures)
        # Rounded as in the store of embeddings, which the networks learned from.
        seen = embeddings.of_pictures(self._backbone, shown).astype(np.float16) * np.float16(not is_missing)
        if self.visual.parameters["freeze_backbone"]:
            scores = np.asarray(self._frame_network.predict_on_batch(seen.astype(np.float32)))
        else:
            scores = embeddings.of_pictures(self._frame_network, shown)
        return {"frames": seen, "frame_scores": scores}

    def frames_left(self, number: int) -> np.ndarray:
        """Return which of the k frames of each video are left [shape=(num_videos, number)], in order of time."""
        drawn = [self._generator(video.video_id).permutation(self.num_frames)[:number] for video in self.videos]
        return np.sort(drawn, axis=1)

    def _generator(self, video_id: str) -> np.random.Generator:
        """Return the same generator at every level, so that levels differ by nothing but the level."""
        return np.random.default_rng((self.seed, *video_id.encode()))
