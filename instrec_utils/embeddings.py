"""What a frozen backbone sees in every frame, stored one file a video beside the features."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from instrec_utils import features, files, frames, models
from instrec_utils.errors import FeaturesError

BATCH_FRAMES = 32


def path_of(corpus_dir: Path, backbone: str, video_id: str) -> Path:
    """Return where a video's embeddings are kept."""
    return features.features_path(Path(corpus_dir) / "embeddings" / backbone, video_id)


def _key(features_path: Path) -> str:
    status = features_path.stat()
    return f"{features.SETTINGS_SHA256} {status.st_size} {status.st_mtime_ns}"


def _is_valid(path: Path, features_path: Path) -> bool:
    try:
        with h5py.File(path) as file:
            return file.attrs.get("features_key") == _key(features_path)
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
        pictures = frames.central_crop(features.read_frames(source))
        size = model.output_shape[-1]
        values = np.zeros((0, size), np.float32)
        if len(pictures):
            values = np.concatenate(
                [
                    _predict(model, pictures[start : start + BATCH_FRAMES])
                    for start in range(0, len(pictures), BATCH_FRAMES)
                ]
            )
        with files.whole(path_of(corpus_dir, backbone, video_id)) as temporary, h5py.File(temporary, "w") as file:
            file.create_dataset("embeddings", data=values.astype(np.float16))
            file.attrs["features_key"] = _key(source)


def _predict(model, pictures: np.ndarray) -> np.ndarray:
    # A fixed batch length keeps TensorFlow from tracing the network again for every video.
    padded = np.zeros((BATCH_FRAMES, *pictures.shape[1:]), np.float32)
    padded[: len(pictures)] = pictures
    return np.asarray(model.predict_on_batch(padded))[: len(pictures)]


def read(corpus_dir: Path, backbone: str, video_id: str) -> np.ndarray:
    """Return a video's embeddings [shape=(num_frames, size), float32].

    Raises
    ------
    FeaturesError
        They are missing or damaged.
    """
    path = path_of(corpus_dir, backbone, video_id)
    try:
        with h5py.File(path) as file:
            return file["embeddings"][:].astype(np.float32)
    except (OSError, KeyError) as error:
        raise FeaturesError(f"{path}: missing or damaged; compute the embeddings first ({error})") from error
