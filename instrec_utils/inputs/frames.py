"""Pictures between the store and the network: JPEG, choice of frames, crop and flip (paper, 4.2).

Pixels stay uint8, 0 to 255, everywhere outside the networks; each network scales its own input, in its first
layer, so that no caller can scale twice or forget to.
"""

import cv2
import numpy as np

from instrec_utils.config import CROP_SIZE

JPEG_QUALITY = 90


def encode_jpeg(picture: np.ndarray, quality: int = JPEG_QUALITY) -> np.ndarray:
    """Return an RGB picture [shape=(height, width, 3), uint8] as JPEG bytes [shape=(num_bytes,), uint8]."""
    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"expected an RGB picture of uint8, got shape {picture.shape} of {picture.dtype}")
    return data


def decode_jpeg(data: np.ndarray) -> np.ndarray:
    """Return JPEG bytes [shape=(num_bytes,), uint8] as an RGB picture [shape=(height, width, 3), uint8]."""
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise ValueError(f"expected JPEG bytes, got {len(data)} bytes that are none")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def central_crop(pictures: np.ndarray, size: int = CROP_SIZE) -> np.ndarray:
    """Cut the middle `size` x `size` pixels out of pictures [shape=(..., height, width, 3)], else a ValueError."""
    height, width = pictures.shape[-3:-1]
    if min(height, width) < size:
        raise ValueError(f"expected pictures of at least {size} x {size} pixels, got {height} x {width}")
    top, left = (height - size) // 2, (width - size) // 2
    return pictures[..., top : top + size, left : left + size, :]


def flip_at_random(pictures: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Mirror each of the pictures [shape=(num_pictures, height, width, 3)] left to right with probability 1/2."""
    mirrored = generator.random(len(pictures)) < 0.5
    return np.where(mirrored[:, None, None, None], pictures[:, :, ::-1], pictures)


def choose_at_random(num_frames: int, k: int, generator: np.random.Generator) -> np.ndarray:
    """Draw the numbers [shape=(k,), int64] of k of a video's frames, in temporal order (training, 4.2).

    Without repetition where the video has k frames, else every frame at least once; a count below 1 is a ValueError.
    """
    _check_counts(num_frames, k)
    rounds = [generator.permutation(num_frames) for _ in range(-(-k // num_frames))]
    return np.sort(np.concatenate(rounds)[:k])


def choose_uniformly(num_frames: int, k: int) -> np.ndarray:
    """Return k frame numbers spread uniformly over a video (evaluation), as `choose_at_random` does otherwise."""
    _check_counts(num_frames, k)
    return ((np.arange(k) + 0.5) * num_frames / k).astype(np.int64)


def choose(num_frames: int, k: int, generator: np.random.Generator | None) -> np.ndarray:
    """Return k frame numbers: `choose_at_random` with a generator, `choose_uniformly` without."""
    return choose_uniformly(num_frames, k) if generator is None else choose_at_random(num_frames, k, generator)


def _check_counts(num_frames: int, k: int) -> None:
    if num_frames < 1 or k < 1:
        raise ValueError(f"expected at least one frame and k of at least 1, got {num_frames} frames and k = {k}")
