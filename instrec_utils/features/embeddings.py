"""What networks make of frames and of audio before their classes, stored so that it is computed once.

A visual network's embeddings of every frame of a video are one file a video: in a folder of the corpus where the
network is as ImageNet made it, beside the run's weights where a run has trained it. Those of the classes' photographs
by ImageNet's network are one file, an audio run's of all videos one file beside its weights.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from instrec_utils import cluster, files, models
from instrec_utils.corpora import Corpus
from instrec_utils.errors import FeaturesError, ParameterError
from instrec_utils.features import store
from instrec_utils.inputs import frames
from instrec_utils.models.architecture import AudioInput
from instrec_utils.models.hardware import DEFAULT, Hardware
from instrec_utils.models.lazy import keras

BATCH_FRAMES = 32
# Videos' embeddings in memory, up to 250 kB a minute of each: opening files would take longer than a training step.
REMEMBERED = 512


def build_backbone(visual_model: str) -> keras.Model:
    """Return a visual architecture without its classes, with ImageNet's weights; a ParameterError if it is none."""
    build = models.architecture_named(visual_model, "visual").build_backbone
    if build is None:
        raise ParameterError(f"{visual_model}: expected an architecture with a backbone, got one without")
    return models.folded(build("imagenet"))


def imagenet_embeddings(corpus: Corpus, visual_model: str, hardware: Hardware = DEFAULT) -> Path:
    """Return the folder of what a backbone with ImageNet's weights makes of a corpus' frames, computed once.

    All runs of one precision share it.
    """
    folder = corpus.directory / "embeddings" / _name(visual_model, hardware)
    embed_frames(corpus, folder, lambda: build_backbone(visual_model), hardware=hardware)
    return folder


def _name(visual_model: str, hardware: Hardware) -> str:
    is_usual = hardware.precision in (DEFAULT.precision, "float32")
    return visual_model if is_usual else f"{visual_model}-{hardware.precision}"


def embed_frames(
    corpus: Corpus,
    folder: Path,
    build: Callable[[], keras.Model],
    *,
    weights_key: str = "",
    hardware: Hardware = DEFAULT,
) -> None:
    """Compute what a network makes of every frame of the videos of which a folder has no such embeddings yet.

    The network is only built where there are some to compute; the key tells its weights from others, and is empty for
    ImageNet's.
    """
    sources = [store.features_path(corpus.directory / "features", one) for one in corpus.usable["video_id"]]
    todo = [source for source in sources if not _is_valid(folder / source.name, source, weights_key)]
    if not todo:
        return
    with hardware.precise():
        network = hardware.placed(build())
    shown = tqdm(todo, desc=f"{network.name} embeddings", unit="video")
    batches = cluster.ahead(_cropped, _batches(shown))
    for source, of_video in itertools.groupby(batches, lambda batch: batch[0][0]):
        values = np.concatenate([predict_frames(network, pictures, hardware=hardware) for _, pictures in of_video])
        with store.written(folder / source.name) as file:
            file.create_dataset("embeddings", data=values.astype(np.float16))
            file.attrs["features_key"] = store.key_of(source)
            if weights_key:
                file.attrs["weights"] = weights_key


def _batches(sources: Iterable[Path]) -> Iterator[tuple[Path, list[np.ndarray]]]:
    """Yield each features file with its frames as JPEG, so many at a time: decoded, those of hours fill the memory."""
    for source, jpegs in cluster.ahead(store.read_jpegs, sources):
        for start in range(0, max(1, len(jpegs)), BATCH_FRAMES):
            yield source, jpegs[start : start + BATCH_FRAMES]


def _cropped(batch: tuple[Path, list[np.ndarray]]) -> np.ndarray:
    return frames.central_crop(store.decoded(*batch))


def _is_valid(path: Path, features_path: Path, weights_key: str) -> bool:
    try:
        with h5py.File(path) as file:
            kept = file.attrs.get("features_key"), file.attrs.get("weights", "")
            return "embeddings" in file and kept == (store.key_of(features_path), weights_key)
    except store.DAMAGES:
        return False


def predict_frames(
    network: keras.Model, pictures: np.ndarray, batch_frames: int = BATCH_FRAMES, *, hardware: Hardware = DEFAULT
) -> np.ndarray:
    """Return what a network makes [shape=(num_pictures, size), float32] of RGB pictures of 224 x 224, 0 to 255."""
    values = [np.zeros((0, network.output_shape[-1]), np.float32)]
    for start in range(0, len(pictures), batch_frames):
        batch = pictures[start : start + batch_frames]
        # A few batch lengths keep TensorFlow from tracing the network again for every video.
        length = min(batch_frames, -(-len(batch) // 8) * 8)
        padded = np.zeros((length + -length % hardware.num_devices, *pictures.shape[1:]), np.float32)
        padded[: len(batch)] = batch
        values.append(np.asarray(hardware.predict(network, padded), np.float32)[: len(batch)])
    return np.concatenate(values)


def photograph_embeddings(
    corpus: Corpus, visual_model: str, pictures: np.ndarray, hardware: Hardware = DEFAULT
) -> np.ndarray:
    """Return the embeddings [shape=(num_photographs, size), float32] of photographs by ImageNet's backbone.

    Those of the photographs that were asked for last are kept, for each precision.
    """
    path = corpus.directory / "embeddings" / f"{_name(visual_model, hardware)}-photographs.npz"
    key = files.sha256_of_bytes(pictures.tobytes())
    stored = files.read_arrays(path)
    if stored.get("photographs") == key:
        return stored["values"]
    with hardware.precise():
        network = hardware.placed(build_backbone(visual_model))
    values = predict_frames(network, frames.central_crop(pictures), hardware=hardware)
    files.write_arrays(path, photographs=key, values=values)
    return values


def read_embeddings(folder: Path, video_id: str) -> np.ndarray:
    """Return the embeddings of all frames of a video [shape=(num_frames, size), float16], as a folder has them.

    The last ones are remembered.
    """
    path = store.features_path(folder, video_id)
    return _remembered(path, store.modified(path))


@functools.lru_cache(REMEMBERED)
def _remembered(path: Path, _version: int) -> np.ndarray:
    try:
        with h5py.File(path) as file:
            return file["embeddings"][:]
    except store.DAMAGES as error:
        raise FeaturesError(f"{path}: missing or damaged; compute the embeddings first ({error})") from error


def choose_embeddings(folder: Path, video_id: str, k: int, generator: np.random.Generator | None) -> np.ndarray:
    """Return the embeddings [shape=(k, size), float32] of k frames of a video, zeros for one without pictures.

    The frames are drawn at random, or uniformly spread without a generator. Embeddings that are missing or damaged are
    a FeaturesError.
    """
    values = read_embeddings(folder, video_id)
    if not len(values):
        return np.zeros((k, values.shape[1]), np.float32)
    return values[frames.choose(len(values), k, generator)].astype(np.float32)


def audio_network(weights: Path, backbone: Callable[[], keras.Model] | None = None) -> keras.Model:
    """Return a trained audio network, from examples to their embeddings and their scores.

    Of a network with a frozen backbone only the classes are saved; what builds the backbone is then given.
    """
    network = models.load_model(weights)
    if backbone is None:
        return keras.Model(network.input, [network.get_layer("embedding").output, network.output])
    first = backbone()
    return keras.Model(first.input, [first.output, network(first.output)])


def audio_embeddings(
    corpus: Corpus,
    audio_input: AudioInput,
    weights: Path,
    backbone: Callable[[], keras.Model] | None = None,
    *,
    features_key: str,
    description: str,
) -> dict[str, np.ndarray]:
    """Return what an audio network makes of every video before its classes [shape=(num_features,), float32] by id.

    It is computed once, by the `audio_network` of weights and backbone, and kept beside the weights, with the features'
    key, see `store.key_of_all`. Of a silent video it is zeros.
    """

    def compute(video_ids: Sequence[str]) -> Iterator[np.ndarray]:
        from instrec_utils.features import extraction  # where frames are trained on alone, nothing decodes

        network = audio_network(weights, backbone)
        extraction.extract_inputs(corpus, audio_input)
        for video_id in tqdm(video_ids, desc=f"{description} embeddings", unit="video"):
            spectrogram = store.load_input(corpus.directory / "features", video_id, audio_input)
            outputs, _ = network.predict_on_batch(audio_input.examples(spectrogram))
            of_video = np.asarray(outputs, np.float32).mean(axis=0)
            yield np.zeros_like(of_video) if audio_input.is_silent(spectrogram) else of_video

    return _kept(corpus, weights.with_name("embeddings.npz"), [features_key, files.sha256_of_file(weights)], compute)


def audioset_embeddings(
    corpus: Corpus, audio_input: AudioInput, model: str, backbone: Callable[[], keras.Model], *, features_key: str
) -> dict[str, np.ndarray]:
    """Return what a model's frozen backbone makes of every video's examples [shape=(num_examples, size), float32].

    It is by id, and computed once for all runs of the corpus; see `audio_embeddings`.
    """

    def compute(video_ids: Sequence[str]) -> Iterator[np.ndarray]:
        with DEFAULT.precise():  # all runs share them, those of lower precision too
            network = backbone()
        for video_id in tqdm(video_ids, desc=f"{audio_input.name} embeddings", unit="video"):
            spectrogram = store.load_input(corpus.directory / "features", video_id, audio_input)
            yield np.asarray(network.predict_on_batch(audio_input.examples(spectrogram)), np.float32)

    return _kept(corpus, corpus.directory / "embeddings" / f"{model}-{audio_input.name}.npz", [features_key], compute)


def _kept(
    corpus: Corpus, path: Path, key: list[str], compute: Callable[[Sequence[str]], Iterator[np.ndarray]]
) -> dict[str, np.ndarray]:
    """Return a corpus' values by id, from a file that was written with the same key, or computed and written."""
    video_ids = corpus.usable["video_id"].tolist()
    stored = files.read_arrays(path)
    kept = dict(zip(stored["video_ids"].tolist(), stored["values"], strict=True)) if "video_ids" in stored else {}
    if kept.keys() == set(video_ids) and stored["key"].tolist() == key:
        return kept
    values = np.stack(list(compute(video_ids)))
    files.write_arrays(path, key=np.array(key), video_ids=np.array(video_ids), values=values)
    return dict(zip(video_ids, values, strict=True))
