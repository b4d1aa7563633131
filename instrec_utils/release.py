"""What others need to start from, as one archive with checksums: index, features, embeddings, weights and results.

The archive's paths are those of a checkout, so it is unpacked in one, and checked by a tool that every system has::

    tar xf instrec-demo.tar && sha256sum --check SHA256SUMS-demo
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from instrec_utils import files, paths
from instrec_utils.corpora import Corpus, source_named
from instrec_utils.errors import RunError
from instrec_utils.training.result_files import read_result


def write_release(corpus: Corpus, folder: Path) -> Path:
    """Write ``instrec-<corpus>.tar`` into a folder and return its path; the same files give the same bytes.

    If there is no finished run, or the data are kept outside the checkout, it is a RunError.
    """
    home, chosen = paths.home(), sorted(_files(corpus))
    if not any(path.name == "best.keras" for path in chosen):
        results = paths.working_results_dir(corpus.name)
        raise RunError(f"{results}: no finished run with its weights; train the models first")
    if outside := [path for path in chosen if not path.is_relative_to(home)]:
        raise RunError(
            f"{outside[0]}: expected data inside {home}, so that the archive fits a checkout; unset INSTREC_DATA"
        )
    path, sums = folder / f"instrec-{corpus.name}.tar", ""
    with files.whole(path) as temporary, tarfile.open(temporary, "w") as archive:
        for one in tqdm(chosen, desc=path.name, unit="file"):
            content, name = one.read_bytes(), one.relative_to(home).as_posix()
            sums += f"{files.sha256_of_bytes(content)}  {name}\n"
            _add(archive, name, content)
        _add(archive, f"SHA256SUMS-{corpus.name}", sums.encode())
    files.write_text(path.with_suffix(".tar.sha256"), f"{files.sha256_of_file(path)}  {path.name}\n")
    return path


def _files(corpus: Corpus) -> Iterator[Path]:
    beside = ("index.csv", "source.json", "groups.csv", "notes.json", "skipped.csv", "features/errors.csv")
    yield from (path for path in (corpus.directory / name for name in beside) if path.exists())
    results = paths.working_results_dir(corpus.name)
    folders = [results, corpus.directory / "embeddings"]
    if source_named(corpus.source).may_release_features:
        folders.append(corpus.directory / "features")
    for path in results.glob("*.json"):
        result = read_result(path)
        run_dir = paths.runs_dir(corpus.name) / f"{result['run']}-{result['run_sha256'][:8]}"
        if (run_dir / "best.keras").exists():  # else only the result goes along
            folders.append(run_dir)
    for folder in folders:
        yield from (path for path in folder.rglob("[!.]*.*") if path.is_file())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    # No owner, no time: who packed it and when is nobody's concern.
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))
