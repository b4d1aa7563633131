"""What the networks that a fusion joins make of degraded videos, each kept in a small file."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from instrec_utils import cluster, config, files, media, paths
from instrec_utils.features import embeddings, store
from instrec_utils.inputs import frames
from instrec_utils.robustness import degradation, encoding
from instrec_utils.robustness.degradation import SOUND_KBITS, Condition
from instrec_utils.training import learned
from instrec_utils.training.run import Run

if TYPE_CHECKING:
    import keras

VERSION = 1  # raised when the same condition and level degrade a video in another way


class Networks:
    """What two finished runs' networks make of the test videos, degraded or not, kept in small files.

    The seed is that of the noise and of which frames are left.
    """

    def __init__(self, audio: Run, visual: Run, *, seed: int) -> None:
        self.corpus, self.audio, self.visual, self.seed = audio.corpus, audio, visual, seed
        self.videos = list(self.corpus.split("test").itertuples())
        self.num_frames = visual.parameters["num_frames"]
        self.features_dir = self.corpus.directory / "features"
        self.directory = paths.runs_dir(self.corpus.name) / "robustness"
        self.key = files.sha256_of([VERSION, audio.identity, visual.identity, seed])[:16]

    def outputs(self, condition: Condition, level: Any) -> dict[str, np.ndarray]:
        """Return what the networks make of the videos [shape=(num_videos, ...), float32], computed once.

        The level is one of the condition's; what is computed for one is kept for all of them.

        Of a condition of the sound it is audio [shape=(..., num_features)] and audio_scores [shape=(..., num_classes)];
        of the pictures frames [shape=(..., k, num_features)] and frame_scores [shape=(..., k, num_classes)]; of the
        bitrate also kbits, what the videos really have, in kbit/s.
        """
        if condition.name == "bitrate":
            self._encode(condition.levels)
        found = []
        shown = tqdm(self.videos, desc=f"{condition.name} {level}", unit="video")
        for video, given in cluster.ahead(functools.partial(self._given, condition, level), shown):
            for of_level, inputs in given.items():
                files.write_arrays(self._path(condition, of_level, video.video_id), **self._outputs_of(inputs))
            found.append(files.read_arrays(self._path(condition, level, video.video_id)))
        return {name: np.stack([one[name] for one in found]).astype(np.float32) for name in found[0]}

    def _path(self, condition: Condition, level: Any, video_id: str) -> Path:
        return self.directory / self.key / f"{condition.name}_{level}".replace(" ", "_") / f"{video_id}.npz"

    def _given(self, condition: Condition, level: Any, video: Any) -> dict[Any, dict[str, np.ndarray]]:
        """Return what the networks are given of a video, nothing where the level has its outputs.

        It is given at all levels that lack outputs, so that the video is decoded once: spectrogram, pictures
        [shape=(k, 256, 256, 3), uint8] or both; of the bitrate also kbits.
        """
        if files.read_arrays(self._path(condition, level, video.video_id)):
            return {}
        levels = [one for one in condition.levels if not files.read_arrays(self._path(condition, one, video.video_id))]
        if condition.name == "noise":
            every: list[Any] = [{"spectrogram": one} for one in self._noisy_spectrograms(video, levels)]
        elif condition.name == "blur":
            pictures = self._read_frames(self.features_dir, video.video_id)
            every = [{"pictures": degradation.blur(pictures, level)} for level in levels]
        elif condition.name == "bitrate":
            every = [self._of_low_bitrate(level, video.video_id) for level in levels]
        else:
            every = [self._of_features(self.features_dir, video.video_id) for _ in levels]
        return dict(zip(levels, every, strict=True))

    def _outputs_of(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return what the networks make of a video, as `_given` gives it at one level."""
        outputs = {"kbits": given["kbits"]} if "kbits" in given else {}
        if "spectrogram" in given:
            outputs |= self._of_audio(given["spectrogram"])
        if "pictures" in given:
            outputs |= self.of_frames(given["pictures"])
        return outputs

    def _of_features(self, features_dir: Path, video_id: str) -> dict[str, np.ndarray]:
        spectrogram = store.load_input(features_dir, video_id, self.audio.audio_input)
        return {"spectrogram": spectrogram, "pictures": self._read_frames(features_dir, video_id)}

    def _low_bitrate(self, level: int, video_id: str) -> store.Video:
        """Return where a video of few bits is kept, and what is extracted from it."""
        channels = self._channels(video_id)
        heard = "" if channels == "mean" else f"_{channels}"
        folder = self.directory / f"bitrate_{level}_{SOUND_KBITS[level]}{heard}"
        return store.Video(video_id, folder / f"{video_id}.mp4", store.features_path(folder, video_id))

    def _encode(self, levels: Sequence[int]) -> None:
        """Encode the videos anew that have not been yet, on all cores: it takes longer than what follows."""
        every = [
            encoding.Work(
                self.corpus.videos / video.path,
                self._channels(video.video_id),
                self.audio.audio_input.name,
                {level: self._low_bitrate(level, video.video_id) for level in levels},
            )
            for video in self.videos
        ]
        todo = [work for work in every if not work.is_done()]
        for _, result in cluster.process(encoding.encode, todo, description="encoding"):
            if isinstance(result, BaseException):
                raise result

    def _of_low_bitrate(self, level: int, video_id: str) -> dict[str, np.ndarray]:
        video = self._low_bitrate(level, video_id)
        kbits = video.path.stat().st_size * 8 / 1000 / media.probe(video.path).duration
        return self._of_features(video.features_path.parent, video_id) | {"kbits": np.array(kbits, np.float32)}

    def _channels(self, video_id: str) -> str:
        """Return which channels the networks hear."""
        return store.read_channels(store.features_path(self.features_dir, video_id))

    def _noisy_spectrograms(self, video: Any, ratios: Sequence[float]) -> list[np.ndarray]:
        """Return the spectrograms of a video's sound under noise, rounded as in the store."""
        audio_input, source = self.audio.audio_input, self.corpus.videos / video.path
        if not media.probe(source).has_sound:
            return [store.load_input(self.features_dir, video.video_id, audio_input)] * len(ratios)
        rate = audio_input.settings.sample_rate
        samples = media.read_sound(source, (rate,), channels=self._channels(video.video_id))[rate]
        # The same noise at every level, so that levels differ by nothing but the level.
        noise = degradation.pink_noise(len(samples), self._generator(video.video_id))
        noisy = [degradation.add_noise(samples, noise, ratio) for ratio in ratios]
        return [audio_input.compute(one).astype(np.float16).astype(np.float32) for one in noisy]

    def _read_frames(self, features_dir: Path, video_id: str) -> np.ndarray:
        """Return the k pictures of a video that are evaluated [shape=(k, 256, 256, 3), uint8], or none."""
        path = store.features_path(features_dir, video_id)
        count = store.count_frames(path)
        return store.read_frames(path, frames.choose_uniformly(count, self.num_frames) if count else None)

    @functools.cached_property
    def _audio_network(self) -> keras.Model:
        """The audio network, from a spectrogram to its embedding and its scores."""
        return embeddings.audio_network(self.audio.weights, self.audio.audio_backbone)

    @functools.cached_property
    def _visual_parts(self) -> tuple[keras.Model, keras.Model]:
        backbone, classes = learned.visual_parts(self.visual)
        return self.visual.hardware.placed(backbone), classes

    def _of_audio(self, spectrogram: np.ndarray) -> dict[str, np.ndarray]:
        outputs = self._audio_network.predict_on_batch(self.audio.audio_input.examples(spectrogram))
        values, scores = (np.asarray(one, np.float32).mean(axis=0) for one in outputs)
        # The fusion is given zeros where nothing is to be heard, as in its training.
        return {"audio": values * (not self.audio.audio_input.is_silent(spectrogram)), "audio_scores": scores}

    def of_frames(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the visual network makes of a video's RGB pictures [shape=(k, 256, 256, 3), uint8], or of none.

        It is frames [shape=(k, num_features), float16] and frame_scores [shape=(k, num_classes), float32].
        """
        is_missing, size = not len(pictures), config.CROP_SIZE
        shown = np.zeros((self.num_frames, size, size, 3), np.uint8) if is_missing else frames.central_crop(pictures)
        backbone, classes = self._visual_parts
        at_once = min(self.num_frames, embeddings.BATCH_FRAMES)
        values = embeddings.predict_frames(backbone, shown, at_once, hardware=self.visual.hardware)
        # Rounded as in the store of embeddings, which the fusion learned from.
        seen = values.astype(np.float16) * np.float16(not is_missing)
        # A trained network has seen black for no picture, as here.
        given = seen if self.visual.parameters["freeze_backbone"] else values
        return {"frames": seen, "frame_scores": np.asarray(classes.predict_on_batch(given.astype(np.float32)))}

    def frames_left(self, number: int) -> np.ndarray:
        """Return which of the k frames of each video are left [shape=(num_videos, number)], in order of time."""
        drawn = [self._generator(video.video_id).permutation(self.num_frames)[:number] for video in self.videos]
        return np.sort(drawn, axis=1)

    def _generator(self, video_id: str) -> np.random.Generator:
        """Return the same generator at every level, so that levels differ by nothing but the level."""
        return np.random.default_rng((self.seed, *video_id.encode()))
