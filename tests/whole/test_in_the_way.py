"""When something is missing, damaged or in the way: the same command makes it again, or one line says what to do."""

import errno
import io
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbformat
import psutil
import pytest
import yaml

from instrec_utils import corpora, files, paths
from instrec_utils.errors import InstrecError, ParameterError, StorageError
from instrec_utils.pipeline import execution, report
from instrec_utils.pipeline.parameters import read_parameters
from instrec_utils.pipeline.report import make_report

CHECKOUT = Path(__file__).parents[2]
NOTEBOOK = """
# %% tags=["parameters"]
corpus: str = "mini"  # name

# %%
"""
LEFT = {  # what the notebooks of a report leave for later ones or show, and which of them makes it
    "data/mini/index.csv": "01_corpus",
    "data/mini/source.json": "01_corpus",
    "data/mini/splits/grouped.csv": "01_corpus",
    "data/mini/videos/a.mp4": "01_corpus",
    "runs/mini/pages/01_corpus.ipynb": "01_corpus",
    "runs/mini/media/classes.png": "01_corpus",
    "data/mini/features/a.h5": "02_features",
    "data/mini/features/errors.csv": "02_features",
    "runs/mini/visual-v-s1-abc/best.keras": "03_visual_model",
    "runs/mini/results/visual-v-s1.json": "03_visual_model",
    "runs/mini/results/visual-v-s1.predictions.csv": "03_visual_model",
    "runs/mini/audio-a-s1-abc/best.keras": "04_audio_model",
    "runs/mini/results/audio-a-s1.json": "04_audio_model",
    "runs/mini/fusion-f-s1-abc/best.keras": "05_fusion",
    "runs/mini/results/fusion-f-s1.predictions.csv": "05_fusion",
    "runs/mini/results/robustness/fusion-f-s1.json": "08_robustness",
}
NOTEBOOKS = list(dict.fromkeys(LEFT.values()))


def write_notebook(path, source, parameters=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    declared, _, rest = NOTEBOOK.partition("\n\n")
    notebook = jupytext.reads(f"{declared}\n{parameters}\n{rest}{source}", "py:percent")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


@pytest.fixture
def left(home, monkeypatch):
    """The names of the notebooks that were executed of a report that is done; they only leave their files."""
    executed = []
    for name in NOTEBOOKS:
        write_notebook(home / "notebooks" / f"{name}.ipynb", "")
    files.write_text(home / "params" / "mini.yaml", "corpus: mini")

    def make_page(notebook, parameters, page, corpus_name, kernels):
        executed.append(notebook.stem)
        for name in (name for name, maker in LEFT.items() if maker == notebook.stem):
            if not (home / name).exists() or (home / name).read_text() == "half":
                files.write_text(home / name, name)
        files.write_text(page, "classes.png" if notebook.stem == "01_corpus" else "")

    monkeypatch.setattr(report, "make_page", make_page)
    monkeypatch.setattr(report, "build_book", lambda corpus_name: home / "index.html")
    monkeypatch.setattr(report, "_sources_sha256", lambda: "as they were")
    make_report("mini", {})
    make_report("mini", {})
    assert executed == NOTEBOOKS
    executed.clear()
    return executed


@pytest.mark.parametrize("name", LEFT)
@pytest.mark.parametrize("is_there", [False, True], ids=["deleted", "damaged"])
def test_what_a_notebook_left_is_made_again(home, left, name, is_there):
    (home / name).unlink()
    if is_there:
        (home / name).write_text("half")
    make_report("mini", {})
    assert left[0] == LEFT[name]
    assert (home / name).read_text() != "half"
    left.clear()
    make_report("mini", {})
    assert left == []  # once is enough


def test_all_that_was_made_may_be_deleted(home, left):
    for folder in ("data", "runs"):
        shutil.rmtree(home / folder)
    make_report("mini", {})
    assert left == NOTEBOOKS


def test_before_the_tables_are_filled_videos_and_features_are_made_again(home, left):
    for name in ("data/mini/features/a.h5", "runs/mini/audio-a-s1-abc/best.keras"):
        (home / name).unlink()
    before_training = []
    make_report("mini", {}, lambda: before_training.extend(left))
    assert before_training == ["02_features"]


def test_a_damaged_note_of_what_was_executed_is_as_good_as_none(home, left):
    for text in ("", "[1]", '{"01_corpus": '):
        files.write_text(home / "runs" / "mini" / "pages.json", text)
        make_report("mini", {})
        assert left == NOTEBOOKS
        left.clear()


def test_what_a_later_notebook_finds_damaged_is_made_again_and_the_report_goes_on(home, left, monkeypatch):
    features, real = home / "data/mini/features/a.h5", report.make_page
    (home / "runs/mini/audio-a-s1-abc/best.keras").unlink()

    def make_page(notebook, *arguments):
        if notebook.stem == "04_audio_model" and "02_features" not in left:
            features.unlink()  # as the store does
            raise InstrecError("04_audio_model.ipynb: FeaturesError: a.h5: damaged, so it was removed")
        real(notebook, *arguments)

    monkeypatch.setattr(report, "make_page", make_page)
    make_report("mini", {})
    assert left == ["02_features", "04_audio_model"]
    assert features.exists()


def test_a_notebook_that_goes_on_failing_ends_the_report(home, left, monkeypatch):
    features, real = home / "data/mini/features/a.h5", report.make_page
    (home / "runs/mini/audio-a-s1-abc/best.keras").unlink()

    def make_page(notebook, *arguments):
        if notebook.stem == "04_audio_model":
            features.unlink()
            raise InstrecError("no hope")
        real(notebook, *arguments)

    monkeypatch.setattr(report, "make_page", make_page)
    with pytest.raises(InstrecError, match="no hope"):
        make_report("mini", {})
    assert left == ["02_features"]


def test_two_reports_of_a_corpus_wait_for_each_other_and_say_so(home, left, monkeypatch):
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)  # capfd loses what comes while it is read
    with ThreadPoolExecutor(1) as threads:
        with files.locked(paths.runs_dir("mini") / ".lock", "never said"):
            waiting = threads.submit(make_report, "mini", {})
            until = time.monotonic() + 20
            while "mini: another process makes its report; waiting" not in said.getvalue():
                assert time.monotonic() < until
                time.sleep(0.05)
            assert not waiting.done()
        assert waiting.result(timeout=20) == home / "index.html"
    assert left == []


MISSPELT = [
    ({"num_frame": 5}, r"parameter 'num_frame' is declared by no notebook; did you mean num_frames\?"),
    ({"num_frames": "five"}, "parameter num_frames: expected a value of type int, got 'five'"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("parameters", "message"), MISSPELT)
def test_papermill_alone_refuses_a_misspelt_parameter_in_the_first_cell(home, parameters, message):
    shutil.copytree(CHECKOUT / "notebooks", home / "notebooks")
    notebook = home / "notebooks" / "03_visual_model.ipynb"
    everything = yaml.safe_load((CHECKOUT / "params" / "open.yaml").read_text())  # as `papermill -f` passes it
    with pytest.raises(InstrecError, match=rf"03_visual_model\.ipynb: ParameterError: {message}"):
        execution.execute_notebook(notebook, everything | parameters, home / "out.ipynb")


@pytest.mark.parametrize("path", sorted((CHECKOUT / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_every_notebook_checks_its_parameters_before_anything_else(path):
    cells = [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    assert "parameters" in cells[0].metadata["tags"]
    assert "check_injected(globals())" in cells[1].source


@pytest.mark.parametrize("variable", ["JUPYTER_PATH", "HOME", "JUPYTER_DATA_DIR"])
def test_notebooks_run_in_this_python_whatever_other_one_is_called_python3(home, monkeypatch, variable):
    place = home / "elsewhere" / ".local/share/jupyter" if variable == "HOME" else home / "elsewhere"
    spec = {"argv": ["false", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    files.write_json(place / "kernels" / "python3" / "kernel.json", spec)
    monkeypatch.setenv(variable, str(home / "elsewhere"))
    write_notebook(home / "which.ipynb", "import sys\nprint(sys.executable)")
    execution.execute_notebook(home / "which.ipynb", {}, home / "out.ipynb")
    assert nbformat.read(home / "out.ipynb", as_version=4).cells[-1].outputs[0].text.strip() == sys.executable


GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]


def commit_of(checkout, **environment):
    """What `provenance.commit` says of a package that lies there."""
    command = [sys.executable, "-c", "from instrec_utils import provenance; print(provenance.commit())"]
    own = {"PYTHONPATH": str(checkout)} | environment
    done = subprocess.run(command, cwd=checkout, env=os.environ | own, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make_repository(folder):
    """Commit what is in a folder and return the commit."""
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*GIT, "-C", folder, *command], check=True)
    done = subprocess.run([*GIT, "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout[:12]


@pytest.fixture
def unpacked(tmp_path):
    """The package alone, as an archive has it, in a folder with a space inside another folder."""
    folder = tmp_path / "thesis" / "their instrec"
    shutil.copytree(CHECKOUT / "instrec_utils", folder / "instrec_utils", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("changed", ["instrec_utils/config.py", "benchmarks/one.py"])
def test_the_commit_is_that_of_the_packages_own_repository(unpacked, changed):
    assert commit_of(unpacked) == "unknown"
    files.write_text(unpacked / "benchmarks" / "one.py", "")
    own = make_repository(unpacked)
    assert commit_of(unpacked) == own
    with (unpacked / changed).open("a") as file:
        file.write("# changed\n")
    assert commit_of(unpacked) == f"{own}+"


def test_the_commit_of_another_project_around_it_is_not_ours(unpacked):
    make_repository(unpacked.parent)
    assert commit_of(unpacked) == "unknown"
    assert commit_of(unpacked, GIT_DIR=str(unpacked.parent / ".git")) == "unknown"  # as a hook sets it


def test_without_git_the_commit_is_unknown(unpacked):
    make_repository(unpacked)
    assert commit_of(unpacked, PATH="/nowhere") == "unknown"


def start_command(home, *arguments, **environment):
    """Start a command of the package as a terminal does, in a process group of its own."""
    own = {"INSTREC_HOME": str(home), "INSTREC_DATA": str(home / "data"), "PYTHONPATH": str(CHECKOUT)} | environment
    command = [sys.executable, "-P", "-m", "instrec_utils", *arguments]
    return subprocess.Popen(
        command, cwd=home, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def run_command(home, *arguments, **environment):
    """Run a command of the package; return its exit status and what it said."""
    process = start_command(home, *arguments, **environment)
    said = process.communicate(timeout=300)
    return process.returncode, *(text.decode(errors="replace") for text in said)


WORKING = """
import os
import time
from pathlib import Path
from instrec_utils import cluster

Path("kernel").write_text(str(os.getpid()))
list(cluster.process(time.sleep, [600, 600], description="sleeping", num_workers=1))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_command_that_is_stopped_says_one_line_and_leaves_no_process(home, name):
    write_notebook(home / "notebooks" / "01_corpus.ipynb", WORKING)
    files.write_text(home / "params" / "mini.yaml", "corpus: mini")
    process = start_command(home, "report", "--corpus", "mini")
    until, told = time.monotonic() + 120, b""
    try:
        while b"sleeping" not in told:
            assert time.monotonic() < until
            told += (line := process.stderr.read1(10_000))
            assert line
        started = psutil.Process(process.pid).children(recursive=True)
        assert int((home / "kernel").read_text()) in [one.pid for one in started]
        assert len(started) > 1  # the worker, too
        os.killpg(process.pid, signal.Signals[name])
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    lines = [line for line in said.decode().replace("\r", "\n").splitlines() if line and "sleeping" not in line]
    assert lines == ["instrec: stopped; the same command carries on where it was"]
    assert process.returncode == 130
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []
    assert not list((home / "runs" / "mini").rglob(".*.ipynb"))  # nor half a file


def test_a_full_disk_names_the_file_and_what_to_do(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    message = r"new/a\.h5: cannot be written \(No space left on device\); free some space, then .* carries on$"
    with pytest.raises(StorageError, match=message) as raised:
        files.write_bytes(tmp_path / "new" / "a.h5", b"a")
    assert raised.value.errno == errno.ENOSPC
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)  # as it comes from a worker


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO, errno.EFBIG])
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number), str(tmp_path / "runs"))

    monkeypatch.setattr(Path, "mkdir", refuse)
    for write in (files.write_text, lambda path, text: files.locked(path, text).__enter__()):
        with pytest.raises(StorageError, match=rf"/runs/a/b\.txt: cannot be written \({os.strerror(number)}\); "):
            write(tmp_path / "runs" / "a" / "b.txt", "")


def test_a_tool_that_tells_of_a_full_disk_as_text_only_is_understood(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(100, 100, 0))
    with (
        pytest.raises(StorageError, match=r"a\.mp4: cannot be written \(No space left"),
        files.whole(tmp_path / "a.mp4"),
    ):
        raise OSError("ffmpeg: Error while writing")


def test_what_cannot_be_read_while_a_file_is_written_is_no_fault_of_the_disk(tmp_path):
    for error in (
        FileNotFoundError(errno.ENOENT, "No such file", "/elsewhere/a"),
        PermissionError(errno.EACCES, "Denied", "/elsewhere/b/a"),
    ):
        with pytest.raises(type(error)) as raised, files.whole(tmp_path / "a.mp4"):
            raise error
        assert raised.value is error


@pytest.fixture
def named(home):
    """Notebooks with the parameters of a corpus, and two corpora with files of parameters."""
    parameters = "source: str = 'demo'  # where from\nroot: str = ''  # a folder\n"
    write_notebook(home / "notebooks" / "01_corpus.ipynb", "raise ValueError(root)", parameters)
    for name, text in (("demo", "corpus: demo\nsource: demo"), ("folder", "corpus: folder\nsource: folder")):
        files.write_text(home / "params" / f"{name}.yaml", text)
    return home


@pytest.mark.parametrize(
    "name", ["../../x", "..", ".", "", "/tmp/x", "a/b", "a\\b", "_static", "-p", "a b", "ä", "a" * 65, "a\n"]
)
def test_a_name_that_no_folder_should_have_writes_nothing_anywhere(named, name):
    before = sorted(named.parent.rglob("*"))
    for function in (
        lambda: read_parameters("folder", {"corpus": name}),
        lambda: corpora.prepare_corpus(name, "folder", root=str(named)),
        lambda: corpora.read_corpus(name),
        lambda: make_report("folder", {"corpus": name}),
    ):
        with pytest.raises(ParameterError, match="corpus: expected 1 to 64 letters"):
            function()
    assert sorted(named.parent.rglob("*")) == before


def test_the_name_of_a_corpus_of_another_source_is_refused(named):
    with pytest.raises(ParameterError, match="corpus: demo is of the source demo, not folder; give this one a name"):
        read_parameters("folder", {"corpus": "demo", "root": str(named)})
    assert read_parameters("folder", {"corpus": "folder-grouped"})["corpus"] == "folder-grouped"
    files.write_json(named / "data" / "mine" / "source.json", {"source": "demo", "videos": "."})
    with pytest.raises(ParameterError, match=r"corpus: mine is of the source demo, got folder; .* or delete .*/mine "):
        corpora.prepare_corpus("mine", "folder", root=str(named))


def test_a_folder_for_a_corpus_that_takes_none_is_refused(named):
    with pytest.raises(ParameterError, match=r"root: the source demo takes no folder, got '.*/videos'"):
        make_report("demo", {"root": "videos"})
    with pytest.raises(ParameterError, match="root: expected a folder with one subfolder of videos a class, got none"):
        make_report("folder", {})


@pytest.mark.parametrize(
    "root", ["videos", "./videos", "my videos/of 2026", "../here/videos", "~/videos", "~old", "Flöte"]
)
def test_a_folder_is_relative_to_where_the_command_is_given(named, monkeypatch, root):
    here = named / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(named / "me"))
    expected = named / "me" / "videos" if root.startswith("~/") else here / root
    found = Path(read_parameters("folder", {"root": root})["root"])
    assert found.is_absolute()
    assert os.path.normpath(found) == os.path.normpath(expected)


def test_folders_of_the_environment_are_relative_to_where_the_command_is_given(named):
    (named / "here").mkdir()
    own = {"INSTREC_HOME": "..", "INSTREC_DATA": "my data", "INSTREC_OPEN_CORPUS": "~/open"}
    code = "from instrec_utils import __main__ as m; import os; m.main(); print([os.environ[n] for n in %r])" % [*own]
    environment = os.environ | own | {"PYTHONPATH": str(CHECKOUT), "HOME": "/me"}
    done = subprocess.run([sys.executable, "-c", code], cwd=named / "here", env=environment, capture_output=True)
    assert done.stdout.decode().strip() == str([f"{named}/here/..", f"{named}/here/my data", "/me/open"])


TERMINALS = [
    {"LC_ALL": "C"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


@pytest.mark.slow
@pytest.mark.parametrize("terminal", TERMINALS, ids=str)
def test_no_terminal_is_too_simple(named, terminal):
    """Names of any script, also those that are no text at all, are shown as far as the terminal can."""
    folder = named / "Fl\u00f6te \u7b1b 62\u201381"
    status, said, errors = run_command(named, "report", "--corpus", "folder", "--root", f"{folder}-\udcff", **terminal)
    assert (status, said) == (1, "")
    assert errors.startswith("instrec: ") or "\ninstrec: " in errors
    assert "UnicodeEncodeError" not in errors
    assert "Traceback" not in errors
