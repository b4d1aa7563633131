import numpy as np
import pandas as pd
import pytest

from instrec_utils.errors import CorpusError, ParameterError
from instrec_utils.paper_data.availability import (
    NOT_ASKED,
    STATES,
    Ledger,
    availability_table,
    failures,
    with_paths,
)


def test_reasons_are_counted_without_the_video_that_they_are_about(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for video_id in ("-a", "bb"):
            ledger.record(video_id, "failed", reason=f"[youtube] {video_id}: Sign in to confirm")
        ledger.record("cc", "failed", reason="no route")
        ledger.record("dd", "private", reason="[youtube] dd: Private video")
        assert failures(ledger).to_numpy().tolist() == [["Sign in to confirm", 2], ["no route", 1]]


def test_the_ledger_refuses_other_files_and_states(tmp_path):
    (tmp_path / "notes.txt").write_text("no database at all, " * 20)
    with pytest.raises(CorpusError, match=r"notes\.txt: not a ledger"):
        Ledger(tmp_path / "notes.txt")
    with Ledger(tmp_path / "ledger.sqlite") as ledger, pytest.raises(ParameterError, match="got 'gone'"):
        ledger.record("a", "gone")


def test_how_much_is_left_of_each_class(tmp_path):
    index = pd.DataFrame({"video_id": list("abcdef"), "label": ["banjo"] * 4 + ["cello"] * 2, "path": ""})
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record("a", "available", path="videos/a/a.mp4")
        ledger.record("b", "removed", reason="gone")
        ledger.record("c", "failed", reason="429")
        ledger.record("c", "private", reason="private")  # asked again: the newer word counts
        joined = with_paths(index, ledger)
    assert joined.state.to_list() == ["available", "removed", "private", NOT_ASKED, NOT_ASKED, NOT_ASKED]
    assert joined.path.to_list() == ["videos/a/a.mp4", "", "", "", "", ""]
    table = availability_table(joined).set_index("label")
    assert table.loc["banjo", ["videos", *STATES, NOT_ASKED]].to_list() == [4, 1, 1, 1, 0, 0, 1]
    assert table.share["banjo"] == pytest.approx(1 / 3)
    assert np.isnan(table.share["cello"])
    assert table.loc["all", "videos"] == 6
