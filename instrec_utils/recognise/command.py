"""The command ``recognise``: several videos, one after another, of which some may be none."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from instrec_utils import files, media
from instrec_utils.errors import InstrecError, MediaError
from instrec_utils.recognise import answers, timeline
from instrec_utils.recognise.recogniser import Recogniser, Recognition, TooLongError

SHOWN_AFTER = 3  # seconds of work, when progress is shown


def recognise_all(
    names: Sequence[str], *, top: int, as_json: bool, timeline_path: Path | None, max_hours: float
) -> int:
    """Print what is played in the videos that names stand for, and write their timelines; return the exit code.

    What cannot be judged is a line among the errors and makes the code 2; the others go on.
    """
    if timeline_path is not None:
        timeline.check_suffix(timeline_path)
    found: list[tuple[str, Recognition]] = []
    errors: list[dict[str, str]] = []
    recogniser: Recogniser | None = None
    with tempfile.TemporaryDirectory(prefix="instrec-") as folder:
        for name, error in answers.named_videos(names):
            path = Path(name)
            try:
                if error is not None:
                    raise error
                if answers.is_address(name):
                    path = _fetched(name, Path(folder))
                media.probe(path)  # what is no media needs no networks
            except InstrecError as refused:
                errors.append(_told(name, path, refused))
                continue
            recogniser = recogniser or Recogniser()
            try:
                recognition = _recognised(recogniser, name, path, max_hours)
            except InstrecError as refused:
                errors.append(_told(name, path, refused))
                continue
            found.append((name, recognition))
            if not as_json:
                print(answers.as_text(name, recognition, top), flush=True)
        if as_json:
            videos = [answers.as_plain_data(name, one, top) for name, one in found]
            print(json.dumps({"format": answers.FORMAT, "videos": videos, "errors": errors}, allow_nan=False))
        if found and timeline_path is not None:
            timeline.write_timeline(timeline_path, found, top)
    return 2 if errors else 0


def _fetched(address: str, folder: Path) -> Path:
    from instrec_utils.paper_data import downloads

    return downloads.fetch_video(address, folder)


def _recognised(recogniser: Recogniser, name: str, path: Path, max_hours: float) -> Recognition:
    length, title = round(media.probe(path).duration), files.escaped(answers.short(name))
    with tqdm(desc=title, total=length, unit="s", delay=SHOWN_AFTER, leave=False, disable=None) as bar:
        try:
            return recogniser.recognise(path, max_hours=max_hours, progress=bar.update)
        except TooLongError as error:
            raise MediaError(f"{error}; --max-hours allows more") from error


def _told(name: str, path: Path, error: InstrecError) -> dict[str, str]:
    """Say why a video was not judged; of what was downloaded, the file is of no interest, but the address."""
    reason = str(error).replace(str(path), name) if answers.is_address(name) else str(error)
    print(f"instrec: {files.escaped(reason)}", file=sys.stderr, flush=True)
    return {"video": files.escaped(name), "reason": files.escaped(reason)}
