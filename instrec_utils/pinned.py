"""Other people's files at a pinned address: a local copy or one download, every checksum verified."""

import os
from collections.abc import Mapping
from pathlib import Path

from instrec_utils import paths
from instrec_utils.errors import CorpusError, DownloadError
from instrec_utils.files import sha256_of_file


def locate_files(
    variable: str, name: str, address: str | Mapping[str, str], sha256: Mapping[str, str], *, retries: int = 2
) -> Path:
    """Return the folder that holds the files of a mapping from file name to hexadecimal checksum.

    It is the local copy that an environment variable names, where a file that is missing or another is a `CorpusError`.
    Without one it is the named folder in the data folder, and what is missing is downloaded, from the address and the
    file's name, or from each file's own address; what cannot be had, or is another file, is a `DownloadError`, and
    nothing of it is kept.
    """
    import pooch

    holding = f"a folder that holds {', '.join(sha256)}"
    directory = Path(os.environ.get(variable, paths.data_dir() / name))
    pooch.get_logger().setLevel("WARNING")
    urls = {name: address + name for name in sha256} if isinstance(address, str) else dict(address)
    store = pooch.create(path=directory, base_url="", urls=urls, registry=dict(sha256), retry_if_failed=retries)
    for file_name, expected in sha256.items():
        path = directory / file_name
        if variable not in os.environ:
            try:
                store.fetch(file_name)
            except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
                raise DownloadError(f"{urls[file_name]}: {error}. Or set {variable} to {holding}.") from error
        elif not path.is_file():
            raise CorpusError(f"{path}: missing; {variable} must name {holding}")
        elif (received := sha256_of_file(path)) != expected:
            raise CorpusError(f"{path}: the sha256 of the published file is {expected}, this one has {received}")
    return directory
