import hashlib
import http.server
import threading

import pytest

from instrec_utils import pinned
from instrec_utils.errors import CorpusError, DownloadError

ADDRESS = "http://127.0.0.1:9/"


def test_a_changed_checksum_or_a_missing_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTREC_ICMR2017", str(tmp_path))
    (tmp_path / "a.csv").write_bytes(b"content")
    good = {"a.csv": hashlib.sha256(b"content").hexdigest()}
    assert pinned.locate_files("INSTREC_ICMR2017", "icmr2017", ADDRESS, good) == tmp_path
    (tmp_path / "a.csv").write_bytes(b"contend")
    with pytest.raises(CorpusError, match=r"a\.csv: the sha256 .* is " + good["a.csv"]):
        pinned.locate_files("INSTREC_ICMR2017", "icmr2017", ADDRESS, good)
    (tmp_path / "a.csv").unlink()
    with pytest.raises(CorpusError, match=r"a\.csv: missing"):
        pinned.locate_files("INSTREC_ICMR2017", "icmr2017", ADDRESS, good)


def test_a_download_is_checked_and_kept(tmp_path, monkeypatch):
    served = tmp_path / "served"
    served.mkdir()
    (served / "a.csv").write_bytes(b"content")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(served))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.delenv("INSTREC_ICMR2017", raising=False)
    monkeypatch.setenv("INSTREC_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    good = {"a.csv": hashlib.sha256(b"content").hexdigest()}
    (served / "of another name.csv").write_bytes(b"content")
    elsewhere = {"in/a/folder.csv": f"{address}of%20another%20name.csv"}
    try:
        with pytest.raises(DownloadError, match=r"a\.csv: .*INSTREC_ICMR2017"):
            pinned.locate_files("INSTREC_ICMR2017", "icmr2017", address, {"a.csv": "0" * 64})
        assert not (tmp_path / "data" / "icmr2017" / "a.csv").exists()
        directory = pinned.locate_files("INSTREC_ICMR2017", "icmr2017", address, good)
        pinned.locate_files("INSTREC_ICMR2017", "icmr2017", elsewhere, {"in/a/folder.csv": good["a.csv"]})
    finally:
        server.shutdown()
        server.server_close()
    assert (directory / "a.csv").read_bytes() == (directory / "in/a/folder.csv").read_bytes() == b"content"
    assert (
        pinned.locate_files("INSTREC_ICMR2017", "icmr2017", address, good) == directory
    )  # the server is gone: it is not asked again
