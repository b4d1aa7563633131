"""The pages made of everything published, and the checksums of the published files: written, and looked at again."""

from pathlib import Path

from instrec_utils import files, paths
from instrec_utils.report import all_runs

SUMS = "results/SHA256SUMS"
"""The checksums of the published files, as ``sha256sum --check`` reads them from the checkout's root."""
SUMMED = ("results", "book/_static/media", *(f"book/{name}" for name in ("demo", "open", "curation")))


def write_records() -> list[Path]:
    """Write the pages made of all results, then the checksums of the published files; return what changed."""
    changed = [path for path, text in all_runs.pages().items() if _write_changed(path, text)]
    sums = paths.home() / SUMS
    return [*changed, *([sums] if _write_changed(sums, published_sums()) else [])]


def _write_changed(path: Path, text: str) -> bool:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    files.write_text(path, text)
    return True


def outdated() -> list[Path]:
    """Return the pages made of all results that are not as `write_records` would write them now."""
    made = all_runs.pages().items()
    return [path for path, text in made if not path.exists() or path.read_text(encoding="utf-8") != text]


def published_sums() -> str:
    """Return the checksums of the published files, one a line."""
    home = paths.home()
    found = sorted(
        path.relative_to(home).as_posix()
        for folder in SUMMED
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
