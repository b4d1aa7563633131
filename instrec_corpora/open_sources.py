"""The photographs and recordings of the open corpus: which they are, where they come from, which belong together.

``open_registry.csv`` lists every file with its label, size, checksum and the public repository, at a fixed commit,
that has a copy. Photographs are from the Kaggle set "30 Musical Instruments"; recordings are sound samples of the
Philharmonia Orchestra (CC BY-SA 3.0; not to be offered as samples) and of NSynth (CC BY 4.0). None of them is part
of this package.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pooch
import soundfile
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from instrec_corpora.takes import parse_name
from instrec_utils.corpora.near_duplicates import perceptual_hash
from instrec_utils.errors import CorpusError, DownloadError
from instrec_utils.files import sha256_of_bytes, sha256_of_file, write_bytes

ARCHIVE_URL = "https://github.com/{repository}/archive/{commit}.zip"
MAX_ARCHIVE_BYTES = 2 * 2**30  # the largest, all Philharmonia samples, has some 250 MB
MAX_FILE_BYTES = 16 * 2**20
HASH_SIZE = 16  # of the photographs' perceptual hash
SAME_PHOTOGRAPH = 50  # bits of its 255 in which two hashes may differ: above it pairs begin to show two instruments

_REMEDY = "set INSTREC_OPEN_CORPUS to a folder that holds the files of the registry, or try again later"


def read_registry() -> pd.DataFrame:
    """Read the list of source files.

    Returns
    -------
    pd.DataFrame
        One row a file: path, label, kind ("photos" or "recordings"), bytes, sha256, pcm_sha256 (of the decoded
        16-bit samples where the encoding may differ, otherwise ""), source ("owner/name@commit").
    """
    with resources.files("instrec_corpora").joinpath("open_registry.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, keep_default_na=False)


def verify_sources(folder: Path, registry: pd.DataFrame) -> pd.DataFrame:
    """Check that every source file is there, unchanged.

    Parameters
    ----------
    folder : Path
        Has the files at the registry's paths; those with a `pcm_sha256` may be .wav instead, or beside a changed one.
    registry : pd.DataFrame
        As from `read_registry`.

    Returns
    -------
    pd.DataFrame
        The registry with the paths as they are in the folder.

    Raises
    ------
    CorpusError
        A file is missing or changed; the message names it.
    """
    found = registry.copy()
    for row in registry.itertuples():
        copies = _copies(folder, row)
        if not copies:
            raise CorpusError(f"{folder / row.path}: missing; the open corpus needs all {len(registry)} source files")
        copy = _right_copy(folder, row)
        if copy is None:
            expected, received = row.pcm_sha256 or row.sha256, _checksum(copies[0], row)
            raise CorpusError(f"{copies[0]}: changed; its sha256 should be {expected}, got {received}")
        found.loc[row.Index, "path"] = copy.relative_to(folder).as_posix()
    return found


def download_sources(folder: Path, registry: pd.DataFrame) -> None:
    """Fetch the source files from the public repositories, as far as they are not there yet.

    The members of an archive are told by their content; the names that they have in it are never used.

    Parameters
    ----------
    folder : Path
        Where they are written, at the registry's paths.
    registry : pd.DataFrame
        As from `read_registry`.

    Raises
    ------
    DownloadError
        An archive cannot be had, is too large or damaged, or lacks a file. The message says what to do.
    """
    for source, rows in registry.groupby("source"):
        missing = rows[[_right_copy(folder, row) is None for row in rows.itertuples()]]
        if len(missing):
            archive = _fetch_archive(source, folder)
            _unpack(archive, missing, folder)
            archive.unlink()


def group_sources(folder: Path, registry: pd.DataFrame) -> pd.Series:
    """Name for each source file the group of files that are too alike to be in two parts of the corpus.

    A group of recordings is one take; photographs that are nearly the same, mirrored or not, are one as well.

    Parameters
    ----------
    folder, registry : Path, pd.DataFrame
        As `verify_sources` returns them.

    Returns
    -------
    pd.Series of str, indexed as the registry
    """
    group = registry.path.copy()
    is_photo = registry.kind == "photos"
    group[is_photo] = _near_duplicates([folder / path for path in registry.path[is_photo]]).astype(str)
    group[~is_photo] = registry.path[~is_photo].map(lambda path: parse_name(path).take)
    return group


def draw_parts(registry: pd.DataFrame, num_parts: int, generator: np.random.Generator) -> pd.Series:
    """Divide the source files into parts of about the same size, in each label, kind and collection.

    Parameters
    ----------
    registry : pd.DataFrame
        With the column group of `group_sources`, which are never divided.
    num_parts : int [>= 1]
    generator : np.random.Generator

    Returns
    -------
    pd.Series of int [1 to num_parts], indexed as the registry
    """
    stratum = registry.label + " " + registry.kind + " " + registry.source
    groups = pd.DataFrame({"stratum": stratum, "group": registry.group}).groupby("group", sort=True)
    members = pd.DataFrame({"stratum": groups.stratum.first(), "size": groups.size()})
    part_of = {}
    for _, rows in members.groupby("stratum", sort=True):
        given = np.zeros(num_parts, int)
        sizes = rows["size"].iloc[generator.permutation(len(rows))].sort_values(ascending=False, kind="stable")
        for name, size in sizes.items():
            smallest = int(np.argmin(given))
            given[smallest] += size
            part_of[name] = smallest + 1
    return registry.group.map(part_of)


def read_photograph(path: Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Read a photograph as OpenCV does.

    Parameters
    ----------
    path : Path
    flags : int
        OpenCV's for colour (BGR) or grey.

    Returns
    -------
    np.ndarray [shape=(height, width, 3) or (height, width), uint8]

    Raises
    ------
    CorpusError
        The file is not a picture.
    """
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise CorpusError(f"{path}: cannot be read as a photograph")
    return picture


def _near_duplicates(paths: list[Path]) -> np.ndarray:
    """Return a number for each photograph, the same for those that a perceptual hash finds nearly the same."""
    hashes, mirrored = [], []
    for path in paths:
        picture = read_photograph(path, cv2.IMREAD_GRAYSCALE)
        hashes.append(perceptual_hash(picture, HASH_SIZE))
        mirrored.append(perceptual_hash(picture[:, ::-1], HASH_SIZE))
    signs, mirrored_signs = (np.where(bits, 1, -1).astype(np.float32) for bits in (hashes, mirrored))
    distance = (signs.shape[1] - np.maximum(signs @ signs.T, signs @ mirrored_signs.T)) / 2
    return connected_components(distance <= SAME_PHOTOGRAPH, directed=False)[1]


def _pcm_sha256(content: bytes) -> str:
    """Return the sha256 of a recording's 16-bit samples, or "" if it is not a recording."""
    try:
        samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    except soundfile.LibsndfileError:
        return ""
    return sha256_of_bytes(samples.astype("<i2").tobytes())


def _checksum(path: Path, row: Any) -> str:
    """Return the checksum of a file as the registry has it: of the samples where it lists theirs."""
    return _pcm_sha256(path.read_bytes()) if row.pcm_sha256 else sha256_of_file(path)


def _copies(folder: Path, row: Any) -> list[Path]:
    """Return the files of a row that are there, changed or not: two where a recording is .flac and .wav."""
    path = folder / row.path
    names = (path, path.with_suffix(".wav")) if row.pcm_sha256 else (path,)
    return [copy for copy in names if copy.is_file()]


def _right_copy(folder: Path, row: Any) -> Path | None:
    """Return the file of a row that is there, unchanged, or None."""
    expected = row.pcm_sha256 or row.sha256
    return next((copy for copy in _copies(folder, row) if _checksum(copy, row) == expected), None)


class _LimitedBar(tqdm):
    """A progress bar that ends a download which exceeds `MAX_ARCHIVE_BYTES`."""

    def update(self, n: float = 1) -> bool | None:
        if self.n + n > MAX_ARCHIVE_BYTES:
            raise DownloadError(f"{self.desc}: more than {MAX_ARCHIVE_BYTES} bytes; {_REMEDY}")
        return super().update(n)

    def __bool__(self) -> bool:
        return True  # for pooch, that there is a bar; a tqdm of unknown length has no truth value


def _fetch_archive(source: str, folder: Path) -> Path:
    repository, commit = source.split("@")
    url = ARCHIVE_URL.format(repository=repository, commit=commit)
    pooch.get_logger().setLevel("WARNING")
    with _LimitedBar(desc=url, unit="B", unit_scale=True) as bar:
        try:
            # The archive's own checksum changes with the compressor of the day; its members are checked instead.
            path = pooch.retrieve(
                url,
                known_hash=None,
                fname=f"{commit}.zip",
                path=folder / ".archives",
                downloader=pooch.HTTPDownloader(progressbar=bar),
            )
        except (OSError, ValueError) as error:
            raise DownloadError(f"{url}: cannot be downloaded ({error}); {_REMEDY}") from error
    return Path(path)


def _unpack(archive: Path, wanted: pd.DataFrame, folder: Path) -> None:
    """Write the wanted files, told by checksum, under the registry's names."""
    by_sha256 = {row.sha256: row.path for row in wanted.itertuples() if not row.pcm_sha256}
    by_pcm = {row.pcm_sha256: row.path for row in wanted.itertuples() if row.pcm_sha256}
    sizes = set(wanted.bytes)
    try:
        with zipfile.ZipFile(archive) as members:
            for member in members.infolist():
                is_sound = bool(by_pcm) and member.filename.lower().endswith((".wav", ".flac"))
                if member.file_size > MAX_FILE_BYTES or not (member.file_size in sizes or is_sound):
                    continue
                content = members.read(member)
                if path := by_sha256.pop(sha256_of_bytes(content), None):
                    write_bytes(folder / path, content)
                elif is_sound and (path := by_pcm.pop(_pcm_sha256(content), None)):
                    suffix = ".flac" if content.startswith(b"fLaC") else ".wav"
                    write_bytes((folder / path).with_suffix(suffix), content)
    except (zipfile.BadZipFile, zlib.error) as error:
        archive.unlink()
        raise DownloadError(f"{archive}: not a whole archive ({error}); {_REMEDY}") from error
    if lacking := [*by_sha256.values(), *by_pcm.values()]:
        archive.unlink()
        raise DownloadError(
            f"{wanted.source.iloc[0]}: {len(lacking)} files are not there as published, first {lacking[0]}; {_REMEDY}"
        )
