"""What networks make of frames and of audio before their classes, stored so that it is computed once.

A frozen backbone's embeddings of every frame of a video are one file a video beside the features, those of the
classes' photographs one file; an audio run's embeddings of all videos are one file in the run's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from instrec_utils import corpora, files, models
from instrec_utils.corpora import Corpus
from instrec_utils.errors import FeaturesError
from instrec_utils.features import store
from instrec_utils.inputs import augmentation, frames
from instrec_utils.models import hardware
from instrec_utils.models.architecture import AudioInput
from instrec_utils.models.lazy import keras

BATCH_FRAMES = 32


def embeddings_path(corpus_dir: Path, visual_model: str, video_id: str) -> Path:
    """Return where a video's embeddings by a visual architecture are kept."""
    return store.features_path(Path(corpus_dir) / "embeddings" / visual_model, video_id)


def _is_valid(path: Path, features_path: Path) -> bool:
    try:
        with h5py.File(path) as file:
            return "embeddings" in file and file.attrs.get("features_key") == store.key_of(features_path)
    except store.DAMAGES:
        return False


def build_backbone(visual_model: str) -> keras.Model:
    """Return a visual architecture without its classes, with ImageNet's weights; a ParameterError if it is none."""
    build = models.architecture_named(visual_model, "visual").build_backbone
    if build is None:
        raise FeaturesError(f"{visual_model}: expected an architecture with a backbone")
    return build("imagenet")


def embed_frames(video_ids: Sequence[str], corpus_dir: Path, visual_model: str) -> None:
    """Compute the embeddings of every frame of the videos that have features but no embeddings yet."""
    features_dir = Path(corpus_dir) / "features"
    pairs = [
        (store.features_path(features_dir, video_id), embeddings_path(corpus_dir, visual_model, video_id))
        for video_id in video_ids
    ]
    todo = [(source, path) for source, path in pairs if not _is_valid(path, source)]
    if not todo:
        return
    backbone = build_backbone(visual_model)
    for source, path in tqdm(todo, desc=f"{visual_model} embeddings", unit="video"):
        values = predict_frames(backbone, frames.central_crop(store.read_frames(source)))
        with files.whole(path) as temporary, h5py.File(temporary, "w") as file:
            file.create_dataset("embeddings", data=values.astype(np.float16))
            file.attrs["features_key"] = store.key_of(source)


def predict_frames(network: keras.Model, pictures: np.ndarray, batch_frames: int = BATCH_FRAMES) -> np.ndarray:
    """Return what a network makes [shape=(num_pictures, size), float32] of RGB pictures of 224 x 224, 0 to 255."""
    values = [np.zeros((0, network.output_shape[-1]), np.float32)]
    for start in range(0, len(pictures), batch_frames):
        batch = pictures[start : start + batch_frames]
        # A few batch lengths keep TensorFlow from tracing the network again for every video.
        padded = np.zeros((min(batch_frames, -(-len(batch) // 8) * 8), *pictures.shape[1:]), np.float32)
        padded[: len(batch)] = batch
        values.append(np.asarray(network.predict_on_batch(padded))[: len(batch)])
    return np.concatenate(values)


def photograph_embeddings(corpus: Corpus, visual_model: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the embeddings [shape=(num_photographs, size), float32] and class numbers of a corpus' photographs.

    They are computed once. A corpus whose source has no photographs is a CorpusError.
    """
    pictures, targets = corpora.read_photographs(corpus)
    path = corpus.directory / "embeddings" / f"{visual_model}-photographs.npz"
    key = files.sha256_of_bytes(pictures.tobytes())
    stored = files.read_arrays(path)
    if stored.get("photographs") == key:
        return stored["values"], targets
    with hardware.DEFAULT.precise():  # all runs share them, those of lower precision too
        values = predict_frames(build_backbone(visual_model), frames.central_crop(pictures))
    files.write_arrays(path, photographs=key, values=values)
    return values, targets


def read_embeddings(corpus_dir: Path, visual_model: str, video_id: str) -> np.ndarray:
    """Return the embeddings of all frames of a video [shape=(num_frames, size), float16], as they are stored."""
    path = embeddings_path(corpus_dir, visual_model, video_id)
    try:
        with h5py.File(path) as file:
            return file["embeddings"][:]
    except store.DAMAGES as error:
        raise FeaturesError(f"{path}: missing or damaged; compute the embeddings first ({error})") from error


def choose_embeddings(
    corpus_dir: Path, visual_model: str, video_id: str, k: int, generator: np.random.Generator | None
) -> np.ndarray:
    """Return the embeddings [shape=(k, size), float32] of k frames of a video, zeros for one without pictures.

    The frames are drawn at random, or uniformly spread without a generator. Embeddings that are missing or damaged are
    a FeaturesError.
    """
    values = read_embeddings(corpus_dir, visual_model, video_id)
    if not len(values):
        return np.zeros((k, values.shape[1]), np.float32)
    return values[frames.choose(len(values), k, generator)].astype(np.float32)


def audio_embeddings(
    corpus: Corpus, audio_input: AudioInput, weights: Path, *, features_key: str, description: str
) -> dict[str, np.ndarray]:
    """Return what an audio network makes of every video before its classes [shape=(num_features,), float32] by id.

    It is computed once and kept beside the network's weights, with the features' key, see `store.key_of_all`. Of a
    silent video it is zeros.
    """
    path = weights.with_name("embeddings.npz")
    video_ids = corpus.usable["video_id"].tolist()
    key = [features_key, files.sha256_of_file(weights)]
    stored = files.read_arrays(path)
    if "key" in stored and stored["key"].tolist() == key:
        return dict(zip(video_ids, stored["values"], strict=True))
    network = models.load_model(weights)
    network = keras.Model(network.input, network.get_layer("embedding").output)
    values = []
    for video_id in tqdm(video_ids, desc=f"{description} embeddings", unit="video"):
        spectrogram = store.load_input(corpus.directory / "features", video_id, audio_input)
        outputs = network.predict_on_batch(audio_input.examples(spectrogram))
        of_video = np.asarray(outputs, np.float32).mean(axis=0)
        values.append(np.zeros_like(of_video) if augmentation.is_silent(spectrogram) else of_video)
    files.write_arrays(path, key=np.array(key), values=np.stack(values))
    return dict(zip(video_ids, values, strict=True))
