"""The kit of the experiment with people: one folder with a page that asks for the instrument of each test clip.

It is opened from the disk, needs no network and sends nothing. Its clips have neutral names in an order of chance that
nothing in the folder tells; the key, from name to video, is a file elsewhere.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from instrec_utils import files, media, paths
from instrec_utils.corpora import Corpus
from instrec_utils.errors import CorpusError, ParameterError
from instrec_utils.inputs import frames

VERSION = 1  # raised when the page asks otherwise
CANNOT_TELL = "cannot tell"
KEY = "key-{}.csv"
PLACE = '{"id": "", "choices": [], "cannotTell": "", "clips": []}'  # what `page.html` has in place of a kit


def listeners_dir(results_dir: Path) -> Path:
    """Return the folder of keys and answers among a corpus' results."""
    return results_dir / "listeners"


def write_kit(corpus: Corpus, folder: Path) -> tuple[Path, Path]:
    """Write a kit of a corpus' test clips into a new folder, whole or not at all; return its page and its key.

    The key is kept with the corpus' results, where the answers are looked for. It is drawn by chance, so that no two
    kits have the same: a folder that is there already is a ParameterError.

    Raises
    ------
    CorpusError
        There is no test clip, or a class is called as the answer that names none.
    MediaError
        A clip cannot be copied.
    """
    if folder.exists():
        raise ParameterError(f"{folder}: there is a kit or something else already; delete it, or take another folder")
    test = corpus.split("test")
    if test.empty or CANNOT_TELL in corpus.labels:
        raise CorpusError(f"{corpus.name}: expected test clips, and no class called {CANNOT_TELL!r}; got {len(test)}")
    # Without a seed: whoever has the index could tell the key by it.
    shuffled = test.sample(frac=1, random_state=np.random.default_rng())
    names = [f"clip-{number:03d}" for number in range(1, len(shuffled) + 1)]
    with files.writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".kit-", dir=folder.parent) as temporary:
            kit = Path(temporary) / "kit"
            sources = [corpus.videos / path for path in shuffled["path"]]
            clips = [
                _write_clip(source, kit / "clips", name)
                for source, name in tqdm(list(zip(sources, names, strict=True)), desc="copying clips", unit="clip")
            ]
            content: dict[str, Any] = {"choices": corpus.labels, "cannotTell": CANNOT_TELL, "clips": clips}
            content["id"] = f"{VERSION}-{files.sha256_of(content)[:12]}"
            files.write_text(kit / "index.html", page_of(content))
            key = listeners_dir(paths.working_results_dir(corpus.name)) / KEY.format(content["id"])
            files.write_csv(key, pd.DataFrame({"clip": names, "video_id": shuffled["video_id"].to_list()}))
            os.rename(kit, folder)
    return folder / "index.html", key


def _write_clip(source: Path, folder: Path, name: str) -> dict[str, str]:
    """Write a clip under a neutral name, with the picture that is shown before, and return what the page needs."""
    path = folder / f"{name}.mp4"
    media.write_plain_copy(source, path)
    clip = {"name": name, "sha256": files.sha256_of_file(path), "poster": ""}
    if media.probe(path).has_picture:
        clip["poster"] = f"{name}.jpg"
        picture = next(media.read_frames(path))
        files.write_bytes(folder / clip["poster"], frames.encode_jpeg(picture).tobytes())
    return clip


def page_of(content: Mapping[str, Any]) -> str:
    """Return the page of a kit: `page.html` with the kit's id, choices and clips."""
    template = resources.files("instrec_utils.listeners").joinpath("page.html").read_text(encoding="utf-8")
    return template.replace(PLACE, json.dumps(content).replace("<", "\\u003c"))
