"""A corpus of four short test clips, a kit of it, and files of answers: all made up, by nobody."""

import numpy as np
from tiny_videos import tone, write_video

from instrec_utils import corpora, files, paths
from instrec_utils.corpora.index import write_index
from instrec_utils.listeners.answers import COLUMNS

LABELS = ["cello", "flute"]


def write_corpus(name="tiny"):
    """Write two test clips a class, whose files tell the label in their title, and return the corpus."""
    import pandas as pd

    directory = paths.corpus_dir(name)
    rows = []
    for number in range(4):
        label = LABELS[number % 2]
        path = directory / "videos" / f"{label}-{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, times=np.arange(10) / 10, sound=tone(1.0, 22_050), sample_rate=22_050, title=f"my {label}")
        rows.append((f"video-{label}-{number}", label, "test", f"videos/{path.name}", 1.0))
    index = pd.DataFrame(rows, columns=["video_id", "label", "split", "path", "duration"])
    index["sound"] = ["clear", "clear", "silent", "silent"]
    write_index(index, directory / "index.csv")
    files.write_json(directory / "source.json", {"source": "demo", "videos": ".", "split": ""})
    return corpora.read_corpus(name)


def write_answers(path, answers, *, participant=1, kit="1-abc", seconds=2.5, times_played=1, columns=COLUMNS):
    """Write the file of a participant's answers, by clip, as the page does."""
    lines = [f"{participant},{kit},{clip},{answer},{seconds},{times_played}" for clip, answer in answers.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([",".join(columns), *lines, ""]), encoding="utf-8")
    return path


def write_key(folder, video_ids, kit="1-abc"):
    """Write the key of a kit whose clips a, b, ... are these videos."""
    lines = [f"{'abcdefgh'[number]},{video_id}" for number, video_id in enumerate(video_ids)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"key-{kit}.csv").write_text("\n".join(["clip,video_id", *lines, ""]), encoding="utf-8")
    return folder / f"key-{kit}.csv"
