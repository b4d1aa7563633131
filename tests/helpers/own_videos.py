"""Folders of small videos as people have them: one subfolder a class, called whatever they like."""

import numpy as np
from tiny_videos import tone, write_video

NAMES = ("二胡", "$5 or $6 guitars", "label", "video_id", "a" + " very" * 20 + " long name")
"""A class in another script, one that reads like a formula, two called like columns, and one longer than a figure."""


def write_own(root, names=NAMES, *, each=4, has_sound=True, has_pictures=True, seconds=3):
    """Write so many videos a class; where there are both streams, the last of a class, the longest, lacks one."""
    for number, name in enumerate(names):
        folder = root / name
        folder.mkdir(parents=True)
        for take in range(each):
            is_last = take == each - 1
            hears = has_sound and not (has_pictures and is_last and number % 2 == 0)
            sees = has_pictures and not (has_sound and is_last and number % 2)
            length = seconds + (1 if is_last else 0)
            size = (96, 54, 3) if number % 2 else (54, 96, 3)  # portrait and landscape
            picture = np.random.default_rng(number).integers(0, 255, size, dtype=np.uint8)
            write_video(
                folder / f"take {take}.{'mp4' if sees else 'm4a'}",
                times=np.arange(10 * length) / 10 if sees else (),
                picture=np.roll(picture, 9 * take, axis=1),
                sound=tone(length, 44_100, 220 * (number + 1) + 7 * take) if hears else None,
            )
    return root
