"""What networks make of frames and of sound before their classes, stored so that it is computed once.

A frozen backbone's embeddings of every frame of a video are one file a video beside the features, those of the
classes' photographs one file; an audio run's embeddings of the sound of all videos are one file in the run's folder.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from instrec_utils import files, models
from instrec_utils.corpora import Corpus, photographs
from instrec_utils.errors import FeaturesError
from instrec_utils.features import spectrograms
from instrec_utils.features import store as features
from instrec_utils.inputs import frames
from instrec_utils.training import hardware
from instrec_utils.training.runs import Run

BATCH_FRAMES = 32


def path_of(corpus_dir: Path, backbone: str, video_id: str) -> Path:
    """Return where a video's embeddings are kept."""
    return features.features_path(Path(corpus_dir) / "embeddings" / backbone, video_id)


def _is_valid(path: Path, features_path: Path) -> bool:
    try:
        with h5py.File(path) as file:
            return file.attrs.get("features_key") == features.key_of(features_path)
    except OSError:
        return False


def embed(video_ids: list[str], corpus_dir: Path, backbone: str) -> None:
    """Compute the embeddings of every frame of the videos that have none yet.

    Parameters
    ----------
    video_ids : of videos whose features are extracted.
    corpus_dir : the corpus' folder.
    backbone : one of `models.FRAMES`; its ImageNet weights.
    """
    store = Path(corpus_dir) / "features"
    todo = [
        video_id
        for video_id in video_ids
        if not _is_valid(path_of(corpus_dir, backbone, video_id), features.features_path(store, video_id))
    ]
    if not todo:
        return
    model = models.build_backbone(backbone)
    for video_id in tqdm(todo, desc=f"{backbone} embeddings", unit="video"):
        source = features.features_path(store, video_id)
        values = of_pictures(model, frames.central_crop(features.read_frames(source)))
        with files.whole(path_of(corpus_dir, backbone, video_id)) as temporary, h5py.File(temporary, "w") as file:
            file.create_dataset("embeddings", data=values.astype(np.float16))
            file.attrs["features_key"] = features.key_of(source)


def of_pictures(model, pictures: np.ndarray) -> np.ndarray:
    """Return a backbone's embeddings [shape=(num_pictures, size), float32] of pictures [shape=(..., 224, 224, 3)]."""
    values = [np.zeros((0, model.output_shape[-1]), np.float32)]
    for start in range(0, len(pictures), BATCH_FRAMES):
        batch = pictures[start : start + BATCH_FRAMES]
        # A fixed batch length keeps TensorFlow from tracing the network again for every video.
        padded = np.zeros((BATCH_FRAMES, *pictures.shape[1:]), np.float32)
        padded[: len(batch)] = batch
        values.append(np.asarray(model.predict_on_batch(padded))[: len(batch)])
    return np.concatenate(values)


def of_photographs(corpus: Corpus, backbone: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a backbone's embeddings of the photographs of a corpus' classes, computing what is not there yet.

    Parameters
    ----------
    corpus : prepared, of a source that has photographs.
    backbone : one of `models.FRAMES`; its ImageNet weights.

    Returns
    -------
    values : np.ndarray [shape=(num_photographs, size), float32]
    targets : np.ndarray [shape=(num_photographs,), int64]
        Class numbers.

    Raises
    ------
    CorpusError
        The corpus' source has no photographs.
    """
    pictures, targets = photographs.read_photographs(corpus)
    path = corpus.directory / "embeddings" / f"{backbone}-photographs.npz"
    key = files.sha256_of_bytes(pictures.tobytes())
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            if stored["photographs"] == key:
                return stored["values"], targets
    with hardware.DEFAULT.precise():  # all runs share them, those of lower precision too
        values = of_pictures(models.build_backbone(backbone), frames.central_crop(pictures))
    with files.whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, photographs=key, values=values)
    return values, targets


def read(corpus_dir: Path, backbone: str, video_id: str) -> np.ndarray:
    """Return a video's embeddings [shape=(num_frames, size), float32].

    Raises
    ------
    FeaturesError
        They are missing or damaged.
    """
    return _stored(corpus_dir, backbone, video_id).astype(np.float32)


def _stored(corpus_dir: Path, backbone: str, video_id: str) -> np.ndarray:
    path = path_of(corpus_dir, backbone, video_id)
    try:
        with h5py.File(path) as file:
            return file["embeddings"][:]
    except (OSError, KeyError) as error:
        raise FeaturesError(f"{path}: missing or damaged; compute the embeddings first ({error})") from error


def read_some(
    corpus: Corpus, backbone: str, video_id: str, k: int, generator: np.random.Generator | None
) -> np.ndarray:
    """Return the embeddings of k frames [shape=(k, size), float32]: drawn at random, or uniform without a generator.

    Zeros for a video without pictures, as the paper gives a missing modality (3.4).
    """
    values = _stored(corpus.directory, backbone, video_id)
    if not len(values):
        return np.zeros((k, values.shape[1]), np.float32)
    return values[frames.choose(len(values), k, generator)].astype(np.float32)


def sound(corpus: Corpus, audio: Run) -> dict[str, np.ndarray]:
    """Return what an audio run's network makes of every video's sound; see `of_sound`.

    Returns
    -------
    dict of str to np.ndarray [shape=(num_features,), float32]
    """
    path = audio.directory(corpus) / "embeddings.npz"
    video_ids = corpus.usable["video_id"].tolist()
    key = [audio.features_key(corpus), files.sha256_of_file(audio.weights(corpus))]
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            if "key" in stored and stored["key"].tolist() == key:
                return dict(zip(video_ids, stored["values"], strict=True))
    network = sound_network(corpus, audio)
    store, name = corpus.directory / "features", audio.input_name
    values = [
        of_sound(network, spectrograms.read(store, video_id, name))
        for video_id in tqdm(video_ids, desc=f"{audio.name} embeddings", unit="video")
    ]
    with files.whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, key=np.array(key), values=np.stack(values))
    return dict(zip(video_ids, values, strict=True))


def sound_network(corpus: Corpus, audio: Run):
    """Return an audio run's network, a Keras model, up to the layer before its classes."""
    import keras

    network = models.load(audio.weights(corpus))
    return keras.Model(network.input, network.get_layer("embedding").output)


def of_sound(network, spectrogram: np.ndarray) -> np.ndarray:
    """Return a network's embedding of a sound [shape=(num_features,), float32]; of windows, the mean of theirs.

    Zeros where nothing is to be heard.
    """
    windows = spectrogram if spectrogram.ndim == 3 else spectrogram[None]
    values = np.asarray(network.predict_on_batch(windows), np.float32).mean(axis=0)
    return np.zeros_like(values) if spectrograms.is_silent(spectrogram) else values
