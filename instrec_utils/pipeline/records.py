"""The pages made of everything published, and the checksums of the published files: written, and looked at again."""

from collections.abc import Mapping
from pathlib import Path

from instrec_utils import files, paths
from instrec_utils.pipeline.book import published_corpora
from instrec_utils.report import all_runs

SUMS = "results/SHA256SUMS"
"""The checksums of the published files, as ``sha256sum --check`` reads them from the checkout's root."""


def write_records() -> list[Path]:
    """Write the pages made of all results, then the checksums of the published files; return what changed."""
    return [*_write(all_runs.pages()), *_write({paths.home() / SUMS: published_sums()})]


def _write(made: Mapping[Path, str]) -> list[Path]:
    """Write the files that differ from what is made, and return them."""
    changed = _differing(made)
    for path in changed:
        files.write_text(path, made[path])
    return changed


def outdated() -> list[Path]:
    """Return the pages made of all results that are not as `write_records` would write them now."""
    return _differing(all_runs.pages())


def _differing(made: Mapping[Path, str]) -> list[Path]:
    return [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def published_sums() -> str:
    """Return the checksums of the published files, one a line."""
    home = paths.home()
    folders = ("results", "book/_static/media", *(f"book/{name}" for name in published_corpora()))
    found = sorted(
        path.relative_to(home).as_posix()
        for folder in folders
        for path in (home / folder).rglob("*")
        if path.is_file() and not path.name.startswith(".") and path != home / SUMS
    )
    return "".join(f"{files.sha256_of_file(home / name)}  {name}\n" for name in found)


def wrong_sums() -> list[str]:
    """Return a line for each published file that is not as its checksum says, missing, or without one."""
    path = paths.home() / SUMS
    if not path.exists():
        return [f"{SUMS}: missing; run `make records`"]
    said, found = _by_name(path.read_text(encoding="utf-8")), _by_name(published_sums())
    names = sorted(said.keys() | found.keys())
    return [
        f"{name}: sha256 said {said.get(name, 'nothing')[:12]}, is {found.get(name, 'missing')[:12]}"
        for name in names
        if said.get(name) != found.get(name)
    ]


def _by_name(sums: str) -> dict[str, str]:
    return {name: checksum for checksum, _, name in (line.partition("  ") for line in sums.splitlines())}
